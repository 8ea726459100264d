package mysql

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
	"sluice/engine/spool"
)

// farLog writes the heads of events, of any size, as they would lie in a file.
type farLog struct {
	t       *testing.T
	tr      *translator
	at      uint64
	unsaid  bool // heads inside of transactions do not say where they end, as those of MariaDB 11.4
	emitted []cdc.Event
}

func newFarLog(t *testing.T, flavor cdc.Flavor, file string) *farLog {
	l := &farLog{t: t}
	l.tr = newTranslator(flavor, nil, func(e cdc.Event) error { l.emitted = append(l.emitted, e); return nil })
	l.turn(file)
	return l
}

func (l *farLog) turn(file string) {
	l.take(&replication.EventHeader{EventType: replication.ROTATE_EVENT, Flags: replication.LOG_EVENT_ARTIFICIAL_F},
		append(binary.LittleEndian.AppendUint64(nil, cdc.FirstEvent), file...))
	l.at = cdc.FirstEvent
}

func (l *farLog) take(h *replication.EventHeader, body []byte) {
	l.t.Helper()
	if err := l.tr.take(h, append(make([]byte, replication.EventHeaderSize), body...)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *farLog) write(kind replication.EventType, size uint32, body []byte, inside bool) {
	l.t.Helper()
	l.at += uint64(size)
	h := &replication.EventHeader{EventType: kind, EventSize: size, LogPos: uint32(l.at)}
	if inside && l.unsaid {
		h.LogPos = 0
	}
	l.take(h, body)
}

// transaction writes one of n events of a size between its begin and its commit, and holds its places against the sums.
func (l *farLog) transaction(number int64, n int, size uint32) {
	l.t.Helper()
	from := len(l.emitted)
	start := cdc.Position{File: l.tr.end.File, Offset: l.at}
	if l.tr.flavor == cdc.MariaDB {
		l.write(replication.MARIADB_GTID_EVENT, 42, make([]byte, 13), false)
	} else {
		l.write(replication.GTID_EVENT, 79, binary.LittleEndian.AppendUint64(make([]byte, 1+16), uint64(number)), false)
		l.write(replication.QUERY_EVENT, 75, append(make([]byte, 4+4+1+2+2+1), "BEGIN"...), true)
	}
	for range n {
		l.write(replication.ROWS_QUERY_EVENT, size, nil, true)
		if l.tr.end.Offset != l.at {
			l.t.Fatalf("an event that ends at %d is said to end at %d", l.at, l.tr.end.Offset)
		}
	}
	l.write(replication.XID_EVENT, 31, nil, true)
	begin, end := l.emitted[from], l.emitted[len(l.emitted)-1]
	if begin.Kind != cdc.EventBegin || begin.Pos != start {
		l.t.Errorf("%+v begins at %s", begin, start)
	}
	if want := (cdc.Position{File: start.File, Offset: l.at}); end.Kind != cdc.EventCommit || end.End != want {
		l.t.Errorf("%+v ends at %s", end, want)
	}
}

// TestPlacesBeyond4GiB: a head has 32 bits for where its event ends, a transaction may be of any size, and those behind
// it in the file lie further still.
func TestPlacesBeyond4GiB(t *testing.T) {
	for _, c := range []struct {
		flavor cdc.Flavor
		unsaid bool
	}{{cdc.MySQL, false}, {cdc.MariaDB, false}, {cdc.MariaDB, true}} {
		t.Run(fmt.Sprintf("%s %t", c.flavor, c.unsaid), func(t *testing.T) {
			l := newFarLog(t, c.flavor, "mysql-bin.999999")
			l.unsaid = c.unsaid
			l.transaction(1, 3, 8_200)
			l.transaction(2, 13, 1<<30) // events of the most that a server writes
			l.transaction(3, 0, 0)
			l.transaction(4, 700_000, 8_200)
			l.take(&replication.EventHeader{EventType: replication.HEARTBEAT_EVENT, EventSize: 39, LogPos: uint32(l.at)}, nil)
			if seen := l.emitted[len(l.emitted)-1]; seen.Kind != cdc.EventSeen || seen.End.Offset != l.at {
				t.Errorf("%+v where the log ends at %d", seen, l.at)
			}
			if l.at < 4<<32 {
				t.Fatalf("the file is of %d bytes only", l.at)
			}
			l.turn("mysql-bin.1000000")
			l.transaction(5, 1, 100)
		})
	}
}

// TestResumeBeyond4GiB: a dump that goes on far inside a file does not send what lies before, so that nothing tells how often
// the 32 bits went round. The first transaction does not begin before the place that the task goes on from.
func TestResumeBeyond4GiB(t *testing.T) {
	for _, flavor := range []cdc.Flavor{cdc.MySQL, cdc.MariaDB} {
		l := newFarLog(t, flavor, "mysql-bin.000007")
		l.tr.least = cdc.Position{File: 7, Offset: 3<<32 + 5000}
		l.write(replication.PREVIOUS_GTIDS_EVENT, 120, nil, false)
		l.at = 3<<32 + 5000
		l.transaction(9, 2, 300)
		l.turn("mysql-bin.000008")
		l.transaction(10, 2, 300)
	}
}

// TestOpenBeyond4GiB: a dump that is opened far inside a file begins with the place, and with the description from the file's
// head. So does what a spool has of it.
func TestOpenBeyond4GiB(t *testing.T) {
	const at = 3<<32 + 5000
	head := binary.LittleEndian.AppendUint32(nil, 126)
	description := format(false)
	copy(description[13:], head) // where it ends in the file
	l := newFarLog(t, cdc.MySQL, "mysql-bin.000006")
	l.take(&replication.EventHeader{EventType: replication.ROTATE_EVENT, Flags: replication.LOG_EVENT_ARTIFICIAL_F},
		append(binary.LittleEndian.AppendUint64(nil, at), "mysql-bin.000007"...))
	place := cdc.Position{File: 7, Offset: at}
	if err := newFeeder(l.tr).feed(description); err != nil {
		t.Fatal(err)
	}
	for _, e := range l.emitted[len(l.emitted)-2:] {
		if e.Kind != cdc.EventSeen || e.End != place {
			t.Errorf("%+v where the dump was opened at %s", e, place)
		}
	}
	l.at = at
	l.transaction(1, 2, 300)

	l = newFarLog(t, cdc.MySQL, "mysql-bin.000006")
	if err := new(stream).translate(newFeeder(l.tr), []spool.Entry{{Raw: description, End: place, Whole: true, Format: true}}); err != nil {
		t.Fatal(err)
	}
	l.at = at
	l.transaction(1, 2, 300)
	l.turn("mysql-bin.000008")
	end := cdc.Position{File: 8, Offset: 126}
	if err := new(stream).translate(newFeeder(l.tr), []spool.Entry{{Raw: description, End: end, Whole: true, Format: true}}); err != nil || l.tr.end != end {
		t.Errorf("behind a head it stands at %s, %v", l.tr.end, err)
	}
}
