// Package definitions holds the tests that compare what package schema makes of DDL with what real servers make of it,
// and that follow DDL of all kinds through a whole task.
package definitions
