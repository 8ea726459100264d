// Package definitions holds the test that compares what package schema makes of DDL with what real servers make of it.
package definitions
