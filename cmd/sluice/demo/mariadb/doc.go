// Package mariadb finds a MariaDB on the machine, or unpacks Debian packages of one without root, and runs it in a
// folder of its own, on the loopback address only. The server ends with this process, however that ends.
package mariadb
