// Package migrations holds the SQL that brings a data folder's database from one schema version to the next. A file
// is named NNNN_what.sql and is never edited once it has landed: what is wrong is put right by the next one.
package migrations

import "embed"

// Files are the migrations; the number in front of a name is the schema version that it leads to.
//
//go:embed *.sql
var Files embed.FS
