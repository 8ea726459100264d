package mysql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

const uuidA, uuidB = "0a0a0a0a-1111-2222-3333-444444444444", "0B0B0B0B-1111-2222-3333-444444444444"

func TestParseOwned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{uuidA + ":5#12", uuidA + ":5"},
		{uuidA + ":5#12:6#7:9#1", uuidA + ":5-6:9"},
		{uuidA + ":5#12" + uuidB + ":7#1", uuidA + ":5," + strings.ToLower(uuidB) + ":7"},
		{uuidA + ":5#12,\n" + uuidB + ":7#1", uuidA + ":5," + strings.ToLower(uuidB) + ":7"},
		{uuidA + ":5#12:tag:1#7", uuidA + ":5:tag:1"},
		{uuidA + ":tag:1#7:2#8", uuidA + ":tag:1-2"},
	} {
		if set := parseOwned(c.text); set == nil || set.String() != c.want {
			t.Errorf("%q is %v, want %s", c.text, set, c.want)
		}
	}
	for _, text := range []string{"anonymous", uuidA, "5#1" + uuidA + ":5#1", uuidA + ":5#12:x#4#", uuidA + ":0#1"} {
		if set := parseOwned(text); set != nil {
			t.Errorf("%q is taken for %s", text, set)
		}
	}
}

// opened gives the events from a set on up to the log's end, and the first place that was told.
func opened(t *testing.T, r *reader, end cdc.Position) ([]transaction, cdc.Position) {
	t.Helper()
	events := r.until(end)
	return collect(t, events), events[0].End
}

// TestStreamOpensAtThePlace: the first stream of a task is opened where the log ended, and says at once that it stands
// there; what follows is what another one finds, which is opened by the set alone.
func TestStreamOpensAtThePlace(t *testing.T) {
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MySQL97} {
		for _, options := range [][]string{nil, {"binlog_checksum=NONE"}, compressed(kind)} {
			t.Run(string(kind)+strings.Join(options, ","), func(t *testing.T) {
				t.Parallel()
				m := servers.StartMySQL(t, kind, options...)
				_, c := database(t, m)
				run(t, c, "CREATE TABLE before_it (id INT PRIMARY KEY)", "INSERT INTO before_it VALUES (1),(2),(3)")
				for _, spooled := range []bool{false, true} {
					s := open(t, m)
					if spooled {
						s.options.Spool = spoolIn(t.TempDir())
					}
					set, from := start(t, s)
					began := time.Now()
					r := reopen(t, s, set)
					if first := r.next(); first.Kind != cdc.EventSeen || first.End != from || time.Since(began) > heartbeat/2 {
						t.Fatalf("it begins with %+v after %s, the log ended at %s", first, time.Since(began), from)
					}
					run(t, c, "DROP TABLE IF EXISTS a")
					workload(t, c)
					run(t, c, "DROP TABLE a")
					to := end(t, s)
					got, _ := opened(t, r, to)
					want, head := opened(t, reopen(t, open(t, m), set), to)
					if fmt.Sprint(got) != fmt.Sprint(want) || len(got) < 12 {
						t.Errorf("opened at %s:\n%v, by the set:\n%v", from, got, want)
					}
					if !head.Before(from) {
						t.Errorf("another source begins at %s: only the one that was asked for the start knows a place", head)
					}
					if err := r.stream.(*stream).Close(); err != nil {
						t.Fatal(err)
					}
					again, head := opened(t, reopen(t, s, set), to)
					if fmt.Sprint(again) != fmt.Sprint(want) {
						t.Errorf("opened again:\n%v, want\n%v", again, want)
					}
					if spooled == head.Before(from) { // what the spool holds begins at the place; without one the set is asked for
						t.Errorf("opened again it begins at %s, with a spool: %t", head, spooled)
					}
				}
			})
		}
	}
}

// TestStreamOpensBySet: no place is known while a transaction has an identifier and is not finished: it may lie before the
// end of the log. One that is finished soon is waited for.
func TestStreamOpensBySet(t *testing.T) {
	t.Parallel()
	m := servers.StartMySQL(t, servers.MySQL80)
	_, c := database(t, m)
	run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)")
	s := open(t, m)
	owner := m.Conn(t, c.GetDB())
	run(t, owner, "SET GTID_NEXT='"+uuidA+":5'")
	if set, at, err := s.control.settled(testContext(t)); err != nil || !at.IsZero() || strings.Contains(set.String(), uuidA) {
		t.Fatalf("with a transaction that does not end: %s, %s, %v", set, at, err)
	}
	set, from := start(t, s)
	run(t, owner, "INSERT INTO a VALUES (1)", "SET GTID_NEXT=AUTOMATIC")
	if got, head := opened(t, reopen(t, s, set), end(t, s)); len(got) != 1 || got[0].tid != uuidA+":5" || !head.Before(from) {
		t.Errorf("%v, from %s", got, head)
	}
	// One that had an owner when the log's end was read is in the set, whether it ends before or after that is first asked for.
	// On a busy machine it may take longer than is waited for.
	for i := int64(6); i < 26; i++ {
		run(t, owner, fmt.Sprintf("SET GTID_NEXT='%s:%d'", uuidA, i))
		at, owned, err := s.control.flushed()
		if want := fmt.Sprintf("%s:%d", uuidA, i); err != nil || owned.String() != want {
			t.Fatalf("owned is %v, want %s; %v", owned, want, err)
		}
		ended := make(chan error)
		go func() {
			_, err := owner.Execute(fmt.Sprintf("INSERT INTO a VALUES (%d)", i))
			ended <- err
		}()
		set, settled, err := s.control.settle(testContext(t), at, owned)
		if failed := <-ended; err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		if !settled.IsZero() {
			if settled != at || !set.Includes(owned) {
				t.Errorf("the place is %s, the log ended at %s; the set is %s", settled, at, set)
			}
			return
		}
		run(t, owner, "SET GTID_NEXT=AUTOMATIC")
	}
	t.Error("no transaction was waited for")
}
