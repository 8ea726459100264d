package mysql

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// translator turns the events of a dump into ours. It runs in the reader's goroutine.
type translator struct {
	flavor     cdc.Flavor
	byFile     bool // transactions are named by where they begin
	collations func(uint64) (collation, error)
	emit       func(cdc.Event) error

	least     cdc.Position // no transaction begins before it in its file
	end       cdc.Position // of the last event
	checksum  int          // bytes behind each event
	next      cdc.Event    // the transaction that a GTID event announced
	announced bool         // there is one
	inside    bool         // between begin and commit
	opened    cdc.Event    // what began the open transaction
	wrote     bool         // the open transaction has rows
	namer     namer

	maps   []numbered           // table maps of the open statement
	mapPos cdc.Position         // start of the first table map before a rows event
	byText map[string]*tableMap // parsed table maps by their bytes
	newest *tableMap            // of them
}

// maxTableMaps bounds the parsed table maps that are kept.
const maxTableMaps = 4096

func newTranslator(flavor cdc.Flavor, collations func(uint64) (collation, error), emit func(cdc.Event) error) *translator {
	return &translator{flavor: flavor, collations: collations, emit: emit, byText: map[string]*tableMap{}}
}

// take takes the next event by its head and all its bytes.
func (t *translator) take(h *replication.EventHeader, raw []byte) error {
	start := t.advance(h)
	if h.EventType == replication.FORMAT_DESCRIPTION_EVENT {
		if err := t.learn(raw); err != nil {
			return err
		}
	}
	return t.event(h, t.body(raw), start)
}

// body is an event without its head and its checksum.
func (t *translator) body(raw []byte) []byte {
	raw = raw[replication.EventHeaderSize:]
	return raw[:max(len(raw)-t.checksum, 0)]
}

// learn reads a format description: how the events behind it are to be read.
func (t *translator) learn(raw []byte) (err error) {
	t.checksum, err = checksumOf(raw)
	return err
}

// checksumOf says how many bytes follow an event as a checksum, behind this format description.
func checksumOf(raw []byte) (int, error) {
	const least = replication.EventHeaderSize + 2 + 50 + 4 + 1 + 1 + replication.BinlogChecksumLength
	if len(raw) < least {
		return 0, errShortEvent
	}
	var v replication.FormatDescriptionEvent
	err := v.Decode(raw[replication.EventHeaderSize:])
	if err != nil || v.ChecksumAlgorithm != replication.BINLOG_CHECKSUM_ALG_CRC32 {
		return 0, err
	}
	return replication.BinlogChecksumLength, nil
}

// advance moves the end and gives the event's start. LogPos holds the low 32 bits of the end; some events have none:
// the artificial ones, and those inside a MariaDB group from 11.4 on.
func (t *translator) advance(h *replication.EventHeader) cdc.Position {
	if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 || h.EventType == replication.FORMAT_DESCRIPTION_EVENT && t.end.Offset > cdc.FirstEvent {
		return t.end // a dump that is opened inside a file begins with the file's description
	}
	size := uint64(h.EventSize)
	if h.EventType == replication.HEARTBEAT_EVENT || h.EventType == replication.HEARTBEAT_LOG_EVENT_V2 {
		size = 0 // it is not in the file; its LogPos is where the reader stands
	}
	if h.LogPos != 0 {
		least := t.end.Offset + size
		end := least&^(1<<32-1) | uint64(h.LogPos)
		if end < least && t.end.Offset >= 1<<31 {
			end += 1 << 32
		}
		t.end.Offset = end
	} else if !t.outside() {
		t.end.Offset += size
	}
	start := t.end
	start.Offset -= min(size, start.Offset)
	if t.outside() && begins(h.EventType) && start.File == t.least.File {
		for t.least.Offset >= 1<<32 && start.Offset < t.least.Offset { // what was passed over was not sent
			start.Offset += 1 << 32
			t.end.Offset += 1 << 32
		}
	}
	return start
}

// begins reports whether an event announces a transaction.
func begins(kind replication.EventType) bool {
	return kind == replication.GTID_EVENT || kind == replication.GTID_TAGGED_LOG_EVENT || kind == replication.MARIADB_GTID_EVENT
}

func (t *translator) event(h *replication.EventHeader, body []byte, start cdc.Position) error {
	switch h.EventType {
	case replication.TABLE_MAP_EVENT:
		return t.tableMap(body, start)
	case replication.WRITE_ROWS_EVENTv1, replication.UPDATE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv1,
		replication.WRITE_ROWS_EVENTv2, replication.UPDATE_ROWS_EVENTv2, replication.DELETE_ROWS_EVENTv2, replication.PARTIAL_UPDATE_ROWS_EVENT,
		replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		return t.rows(h, body)
	case replication.WRITE_ROWS_EVENTv0, replication.UPDATE_ROWS_EVENTv0, replication.DELETE_ROWS_EVENTv0:
		return t.broken("a rows event has a form that no release wrote")
	case replication.XID_EVENT:
		return t.commit()
	case replication.GTID_EVENT, replication.ANONYMOUS_GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT:
		return t.gtid(h, body, start)
	case replication.MARIADB_GTID_EVENT:
		return t.mariaGTID(h, body, start)
	case replication.QUERY_EVENT, replication.MARIADB_QUERY_COMPRESSED_EVENT:
		v, err := queryOf(body, h.EventType == replication.MARIADB_QUERY_COMPRESSED_EVENT)
		if err != nil {
			return fmt.Errorf("reading a statement at %s: %w", t.end.In(""), err)
		}
		return t.query(h, &v, start)
	case replication.EXECUTE_LOAD_QUERY_EVENT, replication.BEGIN_LOAD_QUERY_EVENT:
		return t.statement(h, "LOAD DATA", "", 0)
	case replication.XA_PREPARE_LOG_EVENT:
		return t.prepare(body)
	}
	return t.other(h, body)
}

// other takes what is not of a transaction.
func (t *translator) other(h *replication.EventHeader, body []byte) error {
	switch h.EventType {
	case replication.ROTATE_EVENT:
		return t.rotate(h, body)
	case replication.FORMAT_DESCRIPTION_EVENT:
		if t.byFile && t.outside() && t.end.File != 0 {
			return t.emit(cdc.Event{Kind: cdc.EventFile, Pos: cdc.Position{File: t.end.File, Offset: cdc.FirstEvent}, Time: int64(h.Timestamp) * 1_000_000, End: t.end})
		}
		return t.seen()
	case replication.HEARTBEAT_EVENT, replication.HEARTBEAT_LOG_EVENT_V2, replication.PREVIOUS_GTIDS_EVENT,
		replication.MARIADB_GTID_LIST_EVENT, replication.MARIADB_BINLOG_CHECKPOINT_EVENT, replication.STOP_EVENT:
		return t.seen()
	case replication.INCIDENT_EVENT:
		return &task.Error{
			Code: "source.incident", Text: "the server logged an incident: events were lost at " + t.end.String(),
			Hint: "Changes are missing from the binlog. Copy the tables anew.",
		}
	}
	return nil
}

// prepare takes the end of an XA transaction.
func (t *translator) prepare(body []byte) error {
	if len(body) > 0 && body[0] != 0 { // one phase: it is the commit
		return t.commit()
	}
	xid, err := xidOf(body)
	if err != nil {
		return fmt.Errorf("reading XA PREPARE at %s: %w", t.end.In(""), err)
	}
	return t.close(cdc.EventXAPrepare, xid)
}

// outside reports whether no transaction is open or announced.
func (t *translator) outside() bool { return !t.inside && !t.announced }

// seen says where the stream stands outside of transactions.
func (t *translator) seen() error {
	if !t.outside() || t.end.File == 0 {
		return nil
	}
	return t.emit(cdc.Event{Kind: cdc.EventSeen, End: t.end})
}

func (t *translator) rotate(h *replication.EventHeader, body []byte) error {
	if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0 && h.LogPos != 0 {
		return t.seen() // the real one closes the old file; the artificial one after it names the new
	}
	c := cursor{data: body}
	at := c.little(8)
	n, err := cdc.FileNumber(string(c.data))
	if err != nil {
		return err
	}
	if n != t.end.File || t.end.Offset < at {
		t.end = cdc.Position{File: n, Offset: at}
	}
	t.maps = t.maps[:0]
	return t.seen()
}

func (t *translator) gtid(h *replication.EventHeader, body []byte, start cdc.Position) error {
	decode := gtidOf
	if h.EventType == replication.GTID_TAGGED_LOG_EVENT {
		decode = taggedOf
	}
	v, err := decode(body)
	if err != nil {
		return fmt.Errorf("reading the identifier of the transaction at %s: %w", start.In(""), err)
	}
	e := cdc.Event{Kind: cdc.EventBegin, Pos: start, Time: int64(h.Timestamp) * 1_000_000, ServerID: h.ServerID}
	if v.committed != 0 {
		e.Time = v.committed
	}
	switch {
	case t.byFile:
		e.TID = cdc.FileTID(start)
	case h.EventType == replication.ANONYMOUS_GTID_EVENT:
		return gtidChanged()
	default:
		e.TID = t.namer.mysql(&v)
	}
	return t.announce(e)
}

func (t *translator) mariaGTID(h *replication.EventHeader, body []byte, start cdc.Position) error {
	c := cursor{data: body}
	sequence, domain, flags := c.little(8), c.little(4), c.byte()
	if c.short {
		return fmt.Errorf("reading the identifier of the transaction at %s: %w", start.In(""), errShortEvent)
	}
	err := t.announce(cdc.Event{
		Kind: cdc.EventBegin, Pos: start, Time: int64(h.Timestamp) * 1_000_000, ServerID: h.ServerID,
		TID: t.namer.maria(domain, h.ServerID, sequence),
	})
	if err != nil || flags&replication.BINLOG_MARIADB_FL_STANDALONE != 0 {
		return err
	}
	return t.begin(0, flags&mariaPreparedXA != 0) // MariaDB's GTID event stands for BEGIN too
}

func (t *translator) announce(e cdc.Event) error {
	if !t.outside() {
		return t.broken("a transaction begins inside another")
	}
	t.next, t.announced = e, true
	return nil
}

func (t *translator) broken(what string) error {
	return &task.Error{
		Code: "source.binlog_order", Text: what + " at " + t.end.String(),
		Hint: "The binlog is damaged or of a kind that is not known yet. Report it with the output of mysqlbinlog around this position.",
	}
}

func (t *translator) begin(thread uint32, xa bool) error {
	if t.inside || !t.announced {
		return t.broken("a transaction begins without a GTID")
	}
	e := t.next
	t.announced, t.inside, t.wrote = false, true, false
	e.ThreadID, e.XA = thread, xa
	t.opened = e
	return t.emit(e)
}

func (t *translator) commit() error { return t.close(cdc.EventCommit, "") }

func (t *translator) close(kind cdc.EventKind, xid string) error {
	if !t.inside {
		return t.broken("a transaction ends that never began")
	}
	t.inside = false
	t.maps, t.mapPos = t.maps[:0], cdc.Position{}
	return t.emit(cdc.Event{Kind: kind, XID: xid, End: t.end})
}

func (t *translator) query(h *replication.EventHeader, v *replication.QueryEvent, start cdc.Position) error {
	word, second := words(v.Query)
	switch {
	case word == "BEGIN", word == "XA" && (second == "START" || second == "BEGIN"):
		if t.inside && t.flavor == cdc.MariaDB {
			return nil
		}
		return t.begin(v.SlaveProxyID, word == "XA")
	case t.inside && word == "COMMIT":
		return t.commit()
	case t.inside && word == "ROLLBACK" && second == "":
		if t.wrote {
			return t.broken("a transaction with rows is rolled back")
		}
		return t.commit()
	case t.inside && (word == "SAVEPOINT" || word == "RELEASE" || word == "ROLLBACK" || word == "XA"):
		return nil
	case t.inside && word != "CREATE":
		return t.statement(h, string(v.Query), string(v.Schema), v.SlaveProxyID)
	}
	e := cdc.Event{Pos: start, Time: int64(h.Timestamp) * 1_000_000, ServerID: h.ServerID}
	switch {
	case t.inside: // CREATE TABLE ... SELECT; its rows follow
		e, t.wrote = t.opened, true
	case t.announced:
		e, t.announced = t.next, false
	}
	e.End, e.ThreadID = t.end, v.SlaveProxyID
	if word == "XA" {
		return t.endXA(e, string(v.Query))
	}
	e.Kind, e.Inside = cdc.EventDDL, t.inside
	e.SQL, e.Plain = t.text(v)
	e.Schema, e.Size = string(v.Schema), len(v.Query)
	return t.emit(e)
}

func (t *translator) statement(h *replication.EventHeader, sql, schema string, thread uint32) error {
	return t.emit(cdc.Event{Kind: cdc.EventStatement, SQL: sql, Schema: schema, ServerID: h.ServerID, ThreadID: thread, Size: len(sql), EventPos: t.end})
}

// words gives the first two words of a statement in upper case.
func words(sql []byte) (first, second string) {
	if string(sql) == "BEGIN" { // as nearly all are
		return "BEGIN", ""
	}
	f := bytes.Fields(sql[:min(len(sql), 64)])
	if len(f) > 0 {
		first = strings.ToUpper(string(bytes.TrimRight(f[0], ";")))
	}
	if len(f) > 1 {
		second = strings.ToUpper(string(f[1]))
	}
	return first, second
}
