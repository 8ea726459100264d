package mysql

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
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

	least    cdc.Position // no transaction begins before it in its file
	end      cdc.Position // of the last event
	checksum int          // bytes behind each event
	next     *cdc.Event   // the transaction that a GTID event announced
	inside   bool         // between begin and commit
	opened   cdc.Event    // what began the open transaction
	wrote    bool         // the open transaction has rows

	byID   map[uint64]*tableMap // table maps of the open statement
	mapPos cdc.Position         // start of the first table map before a rows event
	byText map[string]*tableMap // parsed table maps by their bytes
	bodies [][]byte             // images of rows events in the order in which they were parsed
}

// maxTableMaps bounds the parsed table maps that are kept.
const maxTableMaps = 4096

func newTranslator(flavor cdc.Flavor, collations func(uint64) (collation, error), emit func(cdc.Event) error) *translator {
	return &translator{flavor: flavor, collations: collations, emit: emit, byID: map[uint64]*tableMap{}, byText: map[string]*tableMap{}}
}

// keepRows stands in for the library's row decoder and keeps the images undecoded.
func (t *translator) keepRows(e *replication.RowsEvent, data []byte) error {
	at, err := e.DecodeHeader(data)
	if err == nil {
		t.bodies = append(t.bodies, data[at:])
	}
	return err
}

// HandleEvent takes the next event of the dump.
func (t *translator) HandleEvent(e *replication.BinlogEvent) error {
	start := t.advance(e.Header)
	return t.event(e, start, int(e.Header.EventSize))
}

// advance moves the end and gives the event's start. LogPos holds the low 32 bits of the end; some events have none:
// the artificial ones, and those inside a MariaDB group from 11.4 on.
func (t *translator) advance(h *replication.EventHeader) cdc.Position {
	if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 {
		return t.end
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
	} else if t.inside || t.next != nil {
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

func (t *translator) event(e *replication.BinlogEvent, start cdc.Position, size int) error {
	switch v := e.Event.(type) {
	case *replication.RotateEvent:
		return t.rotate(e.Header, v)
	case *replication.FormatDescriptionEvent:
		t.checksum = 0
		if v.ChecksumAlgorithm == replication.BINLOG_CHECKSUM_ALG_CRC32 {
			t.checksum = replication.BinlogChecksumLength
		}
		if t.byFile && !t.inside && t.next == nil && t.end.File != 0 {
			return t.emit(cdc.Event{Kind: cdc.EventFile, Pos: cdc.Position{File: t.end.File, Offset: cdc.FirstEvent}, Time: int64(e.Header.Timestamp) * 1_000_000, End: t.end})
		}
		return t.seen()
	case *replication.GTIDEvent:
		return t.gtid(e.Header, v, start)
	case *replication.GtidTaggedLogEvent:
		return t.gtid(e.Header, &v.GTIDEvent, start)
	case *replication.MariadbGTIDEvent:
		return t.mariaGTID(e.Header, v, start)
	case *replication.QueryEvent:
		return t.query(e.Header, v, start)
	case *replication.XIDEvent:
		return t.commit()
	case *replication.TableMapEvent:
		return t.tableMap(e.RawData, v, start)
	case *replication.RowsEvent:
		return t.rows(e.Header, v, size)
	case *replication.ExecuteLoadQueryEvent, *replication.BeginLoadQueryEvent:
		return t.statement(e.Header, "LOAD DATA", "", 0)
	}
	return t.other(e)
}

func (t *translator) other(e *replication.BinlogEvent) error {
	switch e.Header.EventType {
	case replication.HEARTBEAT_EVENT, replication.HEARTBEAT_LOG_EVENT_V2, replication.PREVIOUS_GTIDS_EVENT,
		replication.MARIADB_GTID_LIST_EVENT, replication.MARIADB_BINLOG_CHECKPOINT_EVENT, replication.STOP_EVENT:
		return t.seen()
	case replication.XA_PREPARE_LOG_EVENT:
		body := e.RawData[replication.EventHeaderSize:]
		if len(body) > 0 && body[0] != 0 { // one phase: it is the commit
			return t.commit()
		}
		xid, err := xidOf(body)
		if err != nil {
			return fmt.Errorf("reading XA PREPARE at %s: %w", t.end.In(""), err)
		}
		return t.close(cdc.EventXAPrepare, xid)
	case replication.INCIDENT_EVENT:
		return &task.Error{
			Code: "source.incident", Text: "the server logged an incident: events were lost at " + t.end.String(),
			Hint: "Changes are missing from the binlog. Copy the tables anew.",
		}
	}
	return nil
}

// outside reports whether no transaction is open or announced.
func (t *translator) outside() bool { return !t.inside && t.next == nil }

// seen says where the stream stands outside of transactions.
func (t *translator) seen() error {
	if !t.outside() || t.end.File == 0 {
		return nil
	}
	return t.emit(cdc.Event{Kind: cdc.EventSeen, End: t.end})
}

func (t *translator) rotate(h *replication.EventHeader, v *replication.RotateEvent) error {
	if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0 && h.LogPos != 0 {
		return t.seen() // the real one closes the old file; the artificial one after it names the new
	}
	n, err := cdc.FileNumber(string(v.NextLogName))
	if err != nil {
		return err
	}
	if n != t.end.File {
		t.end = cdc.Position{File: n, Offset: v.Position}
	}
	clear(t.byID)
	return t.seen()
}

func (t *translator) gtid(h *replication.EventHeader, v *replication.GTIDEvent, start cdc.Position) error {
	e := cdc.Event{Kind: cdc.EventBegin, Pos: start, Time: int64(h.Timestamp) * 1_000_000, ServerID: h.ServerID}
	if v.ImmediateCommitTimestamp != 0 {
		e.Time = int64(v.ImmediateCommitTimestamp)
	}
	switch {
	case t.byFile:
		e.TID = cdc.FileTID(start)
	case h.EventType == replication.ANONYMOUS_GTID_EVENT:
		return gtidChanged()
	default:
		e.TID = uuidText(v.SID) + ":"
		if tag := v.Tag.String(); tag != "" {
			e.TID += tag + ":"
		}
		e.TID += strconv.FormatInt(v.GNO, 10)
	}
	return t.announce(e)
}

func (t *translator) mariaGTID(h *replication.EventHeader, v *replication.MariadbGTIDEvent, start cdc.Position) error {
	err := t.announce(cdc.Event{
		Kind: cdc.EventBegin, Pos: start, Time: int64(h.Timestamp) * 1_000_000, ServerID: h.ServerID,
		TID: fmt.Sprintf("%d-%d-%d", v.GTID.DomainID, h.ServerID, v.GTID.SequenceNumber),
	})
	if err != nil || v.IsStandalone() {
		return err
	}
	return t.begin(0, v.Flags&mariaPreparedXA != 0) // MariaDB's GTID event stands for BEGIN too
}

func (t *translator) announce(e cdc.Event) error {
	if t.inside || t.next != nil {
		return t.broken("a transaction begins inside another")
	}
	t.next = &e
	return nil
}

func (t *translator) broken(what string) error {
	return &task.Error{
		Code: "source.binlog_order", Text: what + " at " + t.end.String(),
		Hint: "The binlog is damaged or of a kind that is not known yet. Report it with the output of mysqlbinlog around this position.",
	}
}

func (t *translator) begin(thread uint32, xa bool) error {
	if t.inside || t.next == nil {
		return t.broken("a transaction begins without a GTID")
	}
	e := *t.next
	t.next, t.inside, t.wrote = nil, true, false
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
	clear(t.byID)
	t.mapPos = cdc.Position{}
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
	case t.next != nil:
		e, t.next = *t.next, nil
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
	f := bytes.Fields(sql[:min(len(sql), 64)])
	if len(f) > 0 {
		first = strings.ToUpper(string(bytes.TrimRight(f[0], ";")))
	}
	if len(f) > 1 {
		second = strings.ToUpper(string(f[1]))
	}
	return first, second
}

func (t *translator) tableMap(raw []byte, v *replication.TableMapEvent, start cdc.Position) error {
	if t.mapPos.IsZero() {
		t.mapPos = start
	}
	// The library has stripped nothing from RawData; a payload's inner events carry no checksum.
	body := raw[replication.EventHeaderSize+6:]
	if n := t.checksum; n > 0 && len(body) >= n {
		body = body[:len(body)-n]
	}
	m, ok := t.byText[string(body)]
	if !ok {
		var err error
		if m, err = parseTableMap(body, t.collations, t.flavor); err != nil {
			return fmt.Errorf("reading the table map at %s: %w", start.In(""), err)
		}
		if len(t.byText) >= maxTableMaps {
			clear(t.byText)
		}
		t.byText[string(body)] = m
	}
	t.byID[v.TableID] = m
	return nil
}

func (t *translator) rows(h *replication.EventHeader, v *replication.RowsEvent, size int) error {
	if len(t.bodies) == 0 {
		return errors.New("a rows event has no images")
	}
	r := &rowsEvent{table: t.byID[v.TableID], data: t.bodies[0]}
	t.bodies = t.bodies[1:]
	if r.table == nil {
		return t.broken("a rows event has no table map")
	}
	switch v.Type() {
	case replication.EnumRowsEventTypeInsert:
		r.op = cdc.Insert
	case replication.EnumRowsEventTypeUpdate:
		r.op = cdc.Update
	case replication.EnumRowsEventTypeDelete:
		r.op = cdc.Delete
	default:
		r.op = cdc.Update
		r.differs = h.EventType == replication.PARTIAL_UPDATE_ROWS_EVENT
		r.partial = !r.differs
	}
	switch h.EventType {
	case replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1, replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		r.compressed = true
	}
	n := len(r.table.Columns)
	switch {
	case int(v.ColumnCount) != n:
		r.partial = true
	case !whole(v.ColumnBitmap1, n) || r.op == cdc.Update && !whole(v.ColumnBitmap2, n):
		r.present = [2][]byte{bytes.Clone(v.ColumnBitmap1), bytes.Clone(v.ColumnBitmap1)}
		if r.op == cdc.Update {
			r.present[1] = bytes.Clone(v.ColumnBitmap2)
		}
	}
	e := cdc.Event{Kind: cdc.EventRows, EventPos: t.end, SafePos: t.mapPos, Rows: r, ServerID: h.ServerID, Size: size}
	if v.Flags&replication.RowsEventStmtEndFlag != 0 {
		t.mapPos = cdc.Position{}
	}
	t.wrote = true
	return t.emit(e)
}

// whole says whether all n bits are set.
func whole(bitmap []byte, n int) bool {
	for i := range n {
		if !has(bitmap, i) {
			return false
		}
	}
	return true
}

func has(bitmap []byte, i int) bool { return i/8 < len(bitmap) && bitmap[i/8]&(1<<(i%8)) != 0 }

func uuidText(b []byte) string {
	if len(b) != 16 {
		return hex.EncodeToString(b)
	}
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
