// Package canal writes and reads the flat JSON messages of Canal, the second format: one object a message, one row in
// its arrays, every value a string as the server prints it, or null.
//
// One key is ours: "sluice" holds the identity by which a restart recognises the record, its operation and its
// position. It comes first, so that [Identity] reads nothing else. Consumers of Canal pass over keys that they do not
// know.
//
//	operation           type                   data             old
//	INIT, INSERT        INSERT                 the row          null
//	UPDATE              UPDATE                 the row after    the columns that changed, before
//	DELETE              DELETE                 the row before   null
//	DDL                 by its first words     null             null
//	HEARTBEAT           CREATE                 none: []         null
//
// A heartbeat is no statement (isDdl is false, sql is empty) and has no rows: a reader that goes over the rows finds
// none, one that runs statements sees none, and CREATE is the one type that readers which refuse unknown types pass
// over.
//
// Bytes of BINARY, VARBINARY, BLOB, spatial types and VECTOR are the characters U+0000 to U+00FF, as in Canal. JSON
// can't hold text that is not UTF-8: such a value is an error that names the column.
package canal
