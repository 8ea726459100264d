// Package exact proves the engine on real servers: tables that are written to, a process that is killed again and
// again, and an oracle that shares no code with it.
package exact
