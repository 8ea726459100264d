package mysql

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/spool"
)

// TestStreamFromSpool: what was received is given again after the server has purged it, after any transaction, at the
// same places, and joins what the server still has.
func TestStreamFromSpool(t *testing.T) {
	for _, kind := range kinds {
		for _, options := range [][]string{nil, {"binlog_checksum=NONE"}, compressed(kind)} {
			t.Run(string(kind)+strings.Join(options, ","), func(t *testing.T) {
				t.Parallel()
				m := servers.StartMySQL(t, kind, options...)
				s := open(t, m)
				set, _ := start(t, s)
				_, c := database(t, m)
				workload(t, c)
				dir := t.TempDir()
				s.options.Spool = spoolIn(dir)
				first := reopen(t, s, set)
				events := first.until(end(t, s))
				if err := first.stream.(*stream).Close(); err != nil {
					t.Fatal(err)
				}
				purge(t, s, m, set)
				run(t, c, "INSERT INTO a VALUES (6,'after the purge',NULL)", "FLUSH BINARY LOGS", "INSERT INTO a VALUES (7,'and a rotation',NULL)")
				all := collect(t, events)
				until := end(t, s)
				set = set.Clone()
				var want []transaction
				for i := -1; i < len(all); i++ {
					if i >= 0 {
						if err := set.Add(all[i].tid); err != nil {
							t.Fatal(err)
						}
					}
					s.options.Spool = spoolIn(dir)
					again := reopen(t, s, set)
					got := collect(t, again.until(until))
					if err := again.stream.(*stream).Close(); err != nil {
						t.Fatal(err)
					}
					if i < 0 {
						if want = got; len(want) != len(all)+2 || fmt.Sprint(want[:len(all)]) != fmt.Sprint(all) {
							t.Fatalf("again:\n%v, want\n%v and two more", got, all)
						}
					}
					if fmt.Sprint(got) != fmt.Sprint(want[i+1:]) {
						t.Fatalf("after %s:\n%v, want\n%v", set, got, want[i+1:])
					}
				}
			})
		}
	}
}

// TestSpoolOfAnotherLog: transactions of a log that was begun anew, at places that the files have passed already, are not
// taken for what the files hold.
func TestSpoolOfAnotherLog(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			s := open(t, m)
			set, _ := start(t, s)
			_, c := database(t, m)
			run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS", "INSERT INTO a VALUES (1)")
			dir := t.TempDir()
			s.options.Spool = spoolIn(dir)
			first := reopen(t, s, set)
			first.until(end(t, s))
			if err := first.stream.(*stream).Close(); err != nil {
				t.Fatal(err)
			}
			all, _ := start(t, s)
			state := "gtid_purged"
			if kind == servers.MariaDB1011 {
				state = "gtid_binlog_state"
			}
			run(t, c, "RESET MASTER", "SET GLOBAL "+state+"='"+all.String()+"'", "INSERT INTO a VALUES (2)")
			// The log was begun anew after the files were held against the source.
			o := *spoolIn(dir)
			o.Flavor, o.Owner = s.server.Flavor, o.Owner+" "+s.server.ID
			log, err := spool.Open(o, all)
			if err != nil {
				t.Fatal(err)
			}
			err = s.peek(testContext(t), s.server.Log+".000001", cdc.FirstEvent, newRecorder(s.server, log, cdc.Position{}).take)
			log.Close()
			wantCode(t, withOp("reading", err), "source.rewritten")
			// The next connection finds the files to be of no use.
			var told []string
			s.options.Spool = spoolIn(dir)
			s.options.Spool.Tell = func(n spool.Notice) { told = append(told, n.Code+" "+strings.Join(n.Params, " ")) }
			again := reopen(t, s, all)
			if got := collect(t, again.until(end(t, s))); len(got) != 1 || !slices.Equal(told, []string{"spool.discarded lost"}) {
				t.Errorf("%v; told %q", got, told)
			}
		})
	}
}

// TestSpoolBeyondTheSource: of what the source has lost, the spool gives nothing; what it wrote instead comes from it, also
// under the same numbers.
func TestSpoolBeyondTheSource(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			s := open(t, m)
			_, c := database(t, m)
			run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)")
			set, _ := start(t, s)
			data, copied := filepath.Join(m.Dir, "data"), filepath.Join(m.Dir, "copy")
			m.Stop(t)
			if err := os.CopyFS(copied, os.DirFS(data)); err != nil {
				t.Fatal(err)
			}
			m.Restart(t)
			name := c.GetDB()
			write := func(ids ...int) {
				t.Helper()
				for _, id := range ids {
					m.Exec(t, fmt.Sprintf("INSERT INTO %s.a VALUES (%d)", name, id))
				}
			}
			write(2, 3, 4)
			dir := t.TempDir()
			var told []string
			spooled := func() *reader {
				s.options.Spool = spoolIn(dir)
				s.options.Spool.Tell = func(n spool.Notice) { told = append(told, n.Code+" "+strings.Join(n.Params, " ")) }
				return reopen(t, s, set)
			}
			first := spooled()
			lost := collect(t, first.until(end(t, s)))
			if err := first.stream.(*stream).Close(); err != nil || len(lost) != 3 {
				t.Fatalf("%v, %v", lost, err)
			}
			again := spooled()
			if got := collect(t, again.until(end(t, s))); fmt.Sprint(got) != fmt.Sprint(lost) || len(told) > 0 {
				t.Fatalf("%v, want %v; told %q", got, lost, told)
			}
			again.stream.(*stream).Close()
			m.Stop(t)
			if err := errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(copied))); err != nil {
				t.Fatal(err)
			}
			m.Restart(t)
			for _, ids := range [][]int{nil, {12}, {13, 14, 15}} {
				write(ids...)
				r := spooled()
				got := collect(t, r.until(end(t, s)))
				for _, x := range got {
					// The others' statements are longer: on MariaDB they may be of the same second.
					if slices.ContainsFunc(lost, func(y transaction) bool { return fmt.Sprint(x) == fmt.Sprint(y) }) {
						t.Errorf("with %v, it gives %v of %v", ids, x, lost)
					}
				}
				r.stream.(*stream).Close()
			}
			if !slices.Equal(told, []string{"spool.discarded lost"}) {
				t.Errorf("told %q", told)
			}
		})
	}
}

// purge removes all files of the binlog but the newest, and sees to it that the server can't send from the set on.
func purge(t *testing.T, s *Source, m *servers.MySQL, set cdc.GTIDSet) {
	t.Helper()
	c := m.Conn(t, "")
	for ctx := testContext(t); ; {
		// MariaDB keeps files until InnoDB has made a checkpoint, and says nothing.
		run(t, c, "FLUSH BINARY LOGS")
		files, err := s.Files(ctx)
		if err != nil {
			t.Fatal(err)
		}
		run(t, c, "PURGE BINARY LOGS TO '"+files[len(files)-1].Name+"'")
		if files, err = s.Files(ctx); err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			break
		}
	}
	lost := follow(t, s, set)
	lost.drain()
	wantCode(t, lost.stream.Err(), "source.binlog_purged")
}
