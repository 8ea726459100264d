// Package filter applies the row filter of a table to its changes, as the server applies it to the rows of the full
// copy. It takes conditions whose result it knows to be the server's, and refuses any other before the task starts:
//
//	condition   column OP constant | column [NOT] IN (constant, ...) | column [NOT] BETWEEN constant AND constant
//	            | column IS [NOT] NULL | condition AND condition | condition OR condition | NOT (condition) | (condition)
//	OP          = != <> < <= > >=
//
//	integers, DECIMAL        numbers that the column can hold, without an exponent
//	YEAR                     1901 to 2155
//	DATE, DATETIME, TIME,    'YYYY-MM-DD', 'YYYY-MM-DD hh:mm:ss', '[-]hh:mm:ss' with no more digits behind the second than
//	TIMESTAMP                the column has; a TIMESTAMP is in UTC, as in the sessions of a task
//	ENUM                     a label as it was declared; equality alone
//	text in a collation by   text without a backslash; equality alone. Other than in utf8: ASCII alone
//	bytes, ascii_general_ci
//	BINARY, VARBINARY, BLOB  'ASCII' or x'00ff'; equality alone
//
// NULL follows SQL: what it is compared with is neither true nor false, and a row passes if the whole is true.
package filter
