// Package schema knows every table's definition at every position of the binlog. It does no I/O.
//
// [Recognise] says which tables a statement touches, with a tokenizer of our own that reads every dialect. [Apply]
// works out the definition after a statement from its parsed form; what it does not understand for certain is
// [ErrUnparsed], never a guess. [History] holds the definitions of a task: a baseline read from the source, each DDL
// applied at its position, and each table map checked against the result. With binlog_row_metadata=FULL the table
// map is the definition; else it must agree with the one held, or the task stops.
package schema
