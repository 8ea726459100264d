// Package browsertest holds the tests of the console in a browser: the binary as a process of its own, Debian's
// Chromium, and where a task runs, a real MariaDB and a real Kafka.
//
//	go test ./web/browsertest                          all of them
//	go test ./web/browsertest -screenshots DIR         also takes the pictures of the documentation
package browsertest
