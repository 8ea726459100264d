// Command sluice moves MySQL and MariaDB tables into Kafka. It is the only place where all rooms meet: a runner joins
// store, source, target and codec into one run of a task, and each command is a file of its own around it.
package main
