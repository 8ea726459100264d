package cdc

// Type is a column type as declared. Aliases are resolved (BOOL is TinyInt, SERIAL is BigInt, NUMERIC is Decimal). Saved
// definitions hold its number: new types come last.
type Type uint8

// The column types that are carried. Unsupported marks any other; Column.Declared names it.
const (
	Unsupported Type = iota
	TinyInt
	SmallInt
	MediumInt
	Int
	BigInt
	Decimal
	Float
	Double
	Bit
	Date
	DateTime
	Timestamp
	Time
	Year
	Char
	VarChar
	Binary
	VarBinary
	TinyText
	Text
	MediumText
	LongText
	TinyBlob
	Blob
	MediumBlob
	LongBlob
	Enum
	Set
	JSON
	Geometry // all spatial types
	Vector
	UUID // MariaDB's, as the two below
	Inet4
	Inet6
)

// IsText says whether the type carries characters in the column's charset.
func (t Type) IsText() bool {
	switch t {
	case Char, VarChar, TinyText, Text, MediumText, LongText:
		return true
	}
	return false
}

// Column is one column of one version of a table.
type Column struct {
	Name      string   `json:"name"`
	Type      Type     `json:"type"`
	Declared  string   `json:"declared"` // as the server prints it: "varchar(20)", "int unsigned"
	Unsigned  bool     `json:"unsigned,omitempty"`
	Nullable  bool     `json:"nullable,omitempty"`
	Length    int      `json:"length,omitempty"`    // CHAR, VARCHAR: characters; BINARY, VARBINARY: bytes; BIT: bits; 0 if unknown
	Precision int      `json:"precision,omitempty"` // DECIMAL(p,s); FLOAT(p,s), DOUBLE(p,s) where declared
	Scale     int      `json:"scale,omitempty"`
	Fsp       int      `json:"fsp,omitempty"`       // digits after the second, 0 to 6
	Charset   string   `json:"charset,omitempty"`   // MySQL's name: utf8mb4, latin1; "binary" for byte strings; also for ENUM, SET
	Collation string   `json:"collation,omitempty"` // MySQL's name; empty if unknown
	Labels    []string `json:"labels,omitempty"`    // ENUM, SET, in UTF-8
	Generated bool     `json:"generated,omitempty"`
	Invisible bool     `json:"invisible,omitempty"`
}

// TableID names a table at the source.
type TableID struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
}

func (t TableID) String() string { return t.Schema + "." + t.Name }

// Index is a unique index; Columns are ordinals into Table.Columns.
type Index struct {
	Name    string `json:"name"`
	Columns []int  `json:"columns"`
	Prefix  bool   `json:"prefix,omitempty"` // some part covers only a prefix of its column, or is an expression
}

// Table is one version of a table's definition. It is never changed after it was made: a DDL makes a new one.
type Table struct {
	TableID
	Version int      `json:"version"` // 1 at the start, rises with each DDL that was applied
	Columns []Column `json:"columns"`
	Primary []int    `json:"primary,omitempty"` // ordinals of the primary key's columns, nil if there is none
	Uniques []Index  `json:"uniques,omitempty"` // the other unique indexes, in the server's order
	// Charset and Collation are what a new text column gets that names none; empty if unknown.
	Charset   string `json:"charset,omitempty"`
	Collation string `json:"collation,omitempty"`
}

// Key gives the ordinals of the columns that identify a row: the primary key, else the first unique index whose
// columns are all NOT NULL and whole, else nil.
func (t *Table) Key() []int {
	if len(t.Primary) > 0 {
		return t.Primary
	}
next:
	for _, u := range t.Uniques {
		if u.Prefix || len(u.Columns) == 0 {
			continue
		}
		for _, c := range u.Columns {
			if t.Columns[c].Nullable {
				continue next
			}
		}
		return u.Columns
	}
	return nil
}

// Column gives the ordinal of the column with this name (names compare without case, as in MySQL), or -1.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if equalFold(t.Columns[i].Name, name) {
			return i
		}
	}
	return -1
}

// MapColumn is what a table map event says of one column: the physical type always, the rest only where the source
// writes it (binlog_row_metadata).
type MapColumn struct {
	Type     byte   // MYSQL_TYPE_*, with the real type of strings, enums and sets taken out of the metadata
	Meta     uint16 // the type's metadata as written; of CHAR and BINARY the length in bytes, of ENUM and SET of the value
	Nullable bool

	// Signs and Charset, with Collation, are there without full metadata too, as far as the server writes them.
	Signs     bool // Unsigned is known
	Unsigned  bool
	Charset   string
	Collation string
}

// TableMap is the table map event before a rows event. Full says that Names, signs, charsets, labels and key are
// those of the event (binlog_row_metadata=FULL), so that Table holds the definition; else Table is nil.
type TableMap struct {
	TableID
	Columns []MapColumn
	Table   *Table
	Vague   bool // Table may hold UUID, INET4, INET6 and VECTOR as the byte strings that MariaDB logs them as
}
