package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

// TestCompressedTransactionIsOpenedInPieces: 80 MB in one transaction that is fifty kilobytes in the log.
func TestCompressedTransactionIsOpenedInPieces(t *testing.T) {
	const rows = 10_000
	m := servers.StartMySQL(t, servers.MySQL80, "binlog_transaction_compression=ON", "cte_max_recursion_depth=1000000")
	name, c := database(t, m)
	run(t, c, "CREATE TABLE big (id INT PRIMARY KEY, v VARCHAR(8000))")
	set, before := start(t, open(t, m))
	run(t, c, fmt.Sprintf("INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d) SELECT i, REPEAT(CHAR(65 + i %% 26), 8000) FROM n", rows))
	for _, way := range []string{"spool", "memory"} {
		s := open(t, m)
		if way == "spool" {
			s.options.Spool = spoolIn(t.TempDir())
		}
		stop := end(t, s)
		r := reopen(t, s, set)
		runtime.GC()
		var base, now runtime.MemStats
		runtime.ReadMemStats(&base)
		peak, events, got := uint64(0), 0, 0
		for {
			e := r.next()
			if e.Kind == cdc.EventRows && e.Rows.Op() == cdc.Insert {
				if err := e.Rows.Decode(e.Rows.Map().Table, func(_, _ cdc.Row) error { got++; return nil }); err != nil {
					t.Fatal(err)
				}
				if events++; events%50 == 0 {
					runtime.ReadMemStats(&now)
					peak = max(peak, now.HeapInuse)
				}
			}
			if !e.End.IsZero() && !e.End.Before(stop) {
				break
			}
		}
		t.Logf("%s: %d rows of %s in %d events, %d bytes of log; heap from %d MB to %d MB", way, got, name, events, stop.Offset-before.Offset, base.HeapInuse>>20, peak>>20)
		if got != rows {
			t.Errorf("%d rows came", got)
		}
		if peak > base.HeapInuse+100<<20 {
			t.Errorf("the heap grew from %d MB to %d MB", base.HeapInuse>>20, peak>>20)
		}
	}
}

func payloadField(kind byte, value uint64) []byte {
	b := []byte{kind, 9, 0xfe}
	return binary.LittleEndian.AppendUint64(b, value)
}

// TestPayloadIsWhole: one that is cut off, longer or shorter than it says, or of an unknown kind is an error.
func TestPayloadIsWhole(t *testing.T) {
	event := make([]byte, replication.EventHeaderSize+100)
	event[4] = byte(replication.STOP_EVENT)
	binary.LittleEndian.PutUint32(event[9:], uint32(len(event)))
	content := append(append([]byte(nil), event...), event...)
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := w.EncodeAll(content, nil)
	huge := append([]byte(nil), event...)
	binary.LittleEndian.PutUint32(huge[9:], 1<<31)
	size := uint64(len(content))
	for _, c := range []struct {
		name              string
		compression, size uint64
		data              []byte
		events            int
		whole             bool
	}{
		{"as it should be", replication.ZSTD, size, packed, 2, true},
		{"not compressed", replication.NONE, size, content, 2, true},
		{"shorter than it says", replication.ZSTD, size + 1, packed, 2, false},
		{"longer than it says", replication.ZSTD, size - 1, packed, 1, false},
		{"cut off", replication.ZSTD, size, packed[:len(packed)-3], 0, false},
		{"cut off in an event", replication.NONE, size - 10, content[:size-10], 1, false},
		{"cut off in a head", replication.NONE, uint64(len(event)) + 5, content[:len(event)+5], 1, false},
		{"of an unknown kind", 7, size, packed, 0, false},
		{"with a length that can't be", replication.NONE, uint64(len(huge)), huge, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			head, err := payloadHead(append(append(append(payloadField(payloadCompression, c.compression), payloadField(payloadSize, c.size)...), payloadEnd), c.data...))
			if err != nil {
				t.Fatal(err)
			}
			in, err := new(feeder).open(head)
			n := 0
			for ; err == nil; n++ {
				_, err = nextInside(in)
			}
			if n = max(n-1, 0); n > c.events || errors.Is(err, io.EOF) != c.whole || c.whole && n != c.events {
				t.Errorf("%d events, then %v", n, err)
			}
		})
	}
	for _, cut := range [][]byte{nil, {2}, {2, 9, 0xfe, 1}, {3, 0xfc}, {2, 1, 0}} {
		if _, err := payloadHead(cut); err == nil {
			t.Errorf("%x is taken for a head", cut)
		}
	}
}
