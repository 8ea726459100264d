package mysql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

// TestHolds knows each transaction of a log by its place, and a log that is another one there.
func TestHolds(t *testing.T) {
	noGTID := append([]string{"binlog_checksum=NONE"}, servers.NoGTID...)
	for _, c := range []struct {
		kind    servers.Kind
		options []string
	}{{servers.MySQL80, nil}, {servers.MySQL80, noGTID}, {servers.MySQL97, compressed(servers.MySQL97)}, {servers.MariaDB1011, nil}, {servers.MariaDB1011, compressed(servers.MariaDB1011)}} {
		t.Run(string(c.kind)+strings.Join(c.options, ","), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, c.kind, c.options...)
			s := open(t, m)
			ctx := testContext(t)
			_, db := database(t, m)
			at, err := s.Start(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Holds(ctx, engine.Seen{At: at.End, Begun: at.Begun}); err != nil || at.Begun == 0 {
				t.Errorf("before anything was read, %+v: %v", at, err)
			}
			wantCode(t, s.Holds(ctx, engine.Seen{At: at.End, Begun: at.Begun - 1}), "source.rewritten")
			workload(t, db)
			events := reopen(t, s, at.Set).until(end(t, s))
			all := collect(t, slices.DeleteFunc(events, func(e cdc.Event) bool { return e.Kind == cdc.EventFile }))
			var seen engine.Seen
			for _, x := range all {
				seen = engine.Seen{At: x.end, Last: x.start, TID: x.tid, Time: x.time}
				if err := s.Holds(ctx, seen); err != nil {
					t.Errorf("%+v: %v", x, err)
				}
			}
			other := func(change func(*engine.Seen), code string) {
				t.Helper()
				it := seen
				change(&it)
				wantCode(t, s.Holds(ctx, it), code)
			}
			other(func(it *engine.Seen) { it.Time += 1e6 }, "source.lost")
			other(func(it *engine.Seen) { it.Time = (at.Begun - 3600) * 1e6 }, "source.rewritten")
			other(func(it *engine.Seen) { it.Last.Offset += 7 }, "source.lost") // in the middle of an event
			other(func(it *engine.Seen) { it.Last.Offset = it.At.Offset }, "source.lost")
			other(func(it *engine.Seen) { it.Last.Offset = cdc.FirstEvent }, "source.lost") // where no transaction begins
			other(func(it *engine.Seen) { it.At.Offset += 10_000 }, "source.lost")
			other(func(it *engine.Seen) { it.At.File++ }, "source.lost")
			if _, byFile := at.Set.(*cdc.Upto); byFile {
				run(t, db, "FLUSH BINARY LOGS", "PURGE BINARY LOGS TO '"+fmt.Sprintf("%s.%06d'", s.server.Log, end(t, s).File+1))
			} else {
				purge(t, s, m, at.Set)
			}
			if err := s.Holds(ctx, seen); err != nil {
				t.Errorf("after it was purged: %v", err)
			}
		})
	}
}
