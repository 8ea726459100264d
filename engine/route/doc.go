// Package route decides which record goes where: which tables and columns travel and under which names, and the
// message key and partition of every row. It does no I/O.
//
// A [Plan] is made once from the task's spec and the partition counts of its topics, which stay frozen: a topic that
// grows later keeps its old count, else the rows of one key would change their partition. A [Table] is the plan of
// one version of a table; it holds no state, so goroutines may share it.
//
// The message key of a row is "db.table:" and the text of its key values joined by commas, in UTF-8, with a
// backslash before each backslash, comma and colon of a value; binary values are lower-case hexadecimal. The key of
// a table without a key, and of DDL, is "db.table". Names are the source's, so that mapping moves no row.
// A partition is (Java's String.hashCode & 0x7fffffff) modulo the partition count.
package route
