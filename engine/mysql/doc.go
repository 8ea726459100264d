// Package mysql is the only room that speaks to MySQL and MariaDB servers. It reads definitions, rows through
// consistent snapshots, and the binlog, and gives all of them in the words of package cdc: a row read by a SELECT and
// the same row read from the binlog are the same values.
//
// [Open] connects and checks what the engine relies on; [Source] is the engine's source. It takes no locks but a
// table's metadata lock while a chunk is read, writes nothing, and needs REPLICATION CLIENT, REPLICATION SLAVE,
// SHOW VIEW and SELECT. Every connection proves that it reached the same server as the first.
//
// Errors are *task.Error, classified by the server's error number; Retry is set where the cause may pass by itself.
package mysql
