package cdc

// Flavor is the kind of server.
type Flavor string

// The kinds of server.
const (
	MySQL   Flavor = "mysql"
	MariaDB Flavor = "mariadb"
)

// EventKind says what an Event is.
type EventKind uint8

// What a stream delivers, in the order of the binlog.
const (
	// EventBegin opens a transaction: Pos is its start, TID its identifier, Time its commit time where known.
	EventBegin EventKind = iota
	// EventRows is a rows event of the open transaction.
	EventRows
	// EventCommit ends the open transaction: End is the point after it.
	EventCommit
	// EventDDL is a statement that changed definitions, a transaction of its own: Pos, TID, End, SQL. Inside says that
	// it stands in the open transaction, ahead of the rows that it brings (CREATE TABLE ... SELECT).
	EventDDL
	// EventSeen says that the stream passed End with no transaction open (heartbeat, rotation, format description).
	EventSeen
	// EventStatement is a DML statement logged as text inside the open transaction; SQL holds it.
	EventStatement
	// EventFile says that the stream entered file Pos.File, which was begun at Time; End is where it stands.
	EventFile
	// EventXAPrepare says that the open transaction ends in XA PREPARE instead of a commit: XID, End.
	EventXAPrepare
	// EventXACommit and EventXARollback end the XA transaction XID that was prepared before. Each is a transaction of its
	// own: Pos, TID, End.
	EventXACommit
	EventXARollback
)

// Event is one step of a source's log.
type Event struct {
	Kind     EventKind
	Pos      Position // start of the transaction (Row is 0)
	End      Position // EventCommit, EventDDL, EventSeen: the point after it
	EventPos Position // EventRows: end of this rows event; SafePos: start of its table map
	SafePos  Position
	TID      string // MySQL "uuid:gno", without GTID "file:offset"; MariaDB "domain-server-seq"
	Time     int64  // commit or statement time in microseconds since 1970 UTC
	ServerID uint32
	ThreadID uint32
	XA       bool   // EventBegin: it may end in XA PREPARE
	XID      string // of an XA transaction, as the server writes it: X'gtrid',X'bqual',formatID
	Schema   string // EventDDL, EventStatement: the session's default database
	SQL      string // in UTF-8
	Plain    string // SQL as a session with the usual sql_mode would write it, if its own had another; see Statement
	Inside   bool   // EventDDL
	Rows     Rows   // EventRows
	Size     int    // bytes on the wire, for back-pressure
}

// Statement is SQL with the quotes and backslashes that the usual sql_mode gives their meaning.
func (e *Event) Statement() string {
	if e.Plain != "" {
		return e.Plain
	}
	return e.SQL
}

// Op is what happened to a row.
type Op uint8

// Row operations. Init is a row of the full copy.
const (
	Init Op = iota
	Insert
	Update
	Delete
	DDL
	Heartbeat
)

func (o Op) String() string {
	return [...]string{"INIT", "INSERT", "UPDATE", "DELETE", "DDL", "HEARTBEAT"}[o]
}

// Rows is a rows event that is decoded on demand, because the table's definition is known to the reader's caller.
type Rows interface {
	// Map is the table map that the event belongs to.
	Map() *TableMap
	// Op is Insert, Update or Delete.
	Op() Op
	// Decode calls each once for every row with its images (before is nil for Insert, after for Delete). The rows
	// and their bytes stay valid only during the call. table must fit Map. An error of each ends the loop.
	Decode(table *Table, each func(before, after Row) error) error
	// Take gives the images away, to be kept elsewhere; until Put brings them back the event can't be decoded.
	Take() []byte
	Put(images []byte)
}

// Record is one message for the target before it is encoded.
type Record struct {
	ID       int64
	Op       Op
	Time     int64 // seconds since 1970: commit time of a change, time of the view of a row of the full copy
	Pos      Position
	SafePos  Position
	Object   string   // mapped "db.table" as DTS escapes it; the database alone for DDL; empty for heartbeats
	Table    *Table   // the version that Before and After have the columns of; nil for DDL and heartbeats
	Columns  []int    // the ordinals that travel; nil: all
	Names    []string // names of these at the target; nil: the source's
	Before   Row
	After    Row
	SQL      string // DDL
	Name     string // DDL: the mapped name of the table that it touches first
	Identity []byte // the tag that makes re-sent records recognisable; the caller's again once the record is encoded
	ServerID uint32
	ThreadID uint32
	Born     int64 // milliseconds since 1970, now
	Refused  Refused
	Shared   *Shared // nil: with no other record
}

// Shared is for records that differ in ID, images, Identity and Born alone: a codec may keep here what it wrote of the rest.
// They are encoded one after the other, by one codec.
type Shared struct{ Kept any }

// Refused says of a dead letter why the row is not in its own topic. Zero: the record is none.
type Refused struct {
	Bytes int // of the record's key and value as they would have been
	Limit int // max.message.bytes of its topic
}
