// Package demo is what `sluice demo` runs beside the console: a MariaDB, or a server of the user's, with a shop in it
// that is written to, and a demo broker. What must outlive the process is in one folder.
package demo
