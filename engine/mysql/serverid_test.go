package mysql

import (
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// ended waits for the end of the stream and gives its error.
func (r *reader) ended() error {
	r.t.Helper()
	r.drain()
	return r.stream.Err()
}

func openAs(t *testing.T, m *servers.MySQL, user string, id uint32) *Source {
	t.Helper()
	sp := spec(t, m)
	if user == m.RootUser {
		sp.User, sp.Password = user, task.Secret(m.RootPassword)
	}
	s, err := Open(testContext(t), sp, Options{ServerID: id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// MariaDB ends the older of two readers with one id; it goes on with another. To MySQL they differ by their UUIDs.
func TestServerIDClash(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		const id = 3_000_000_001
		old, other := openAs(t, m, m.Account, id), openAs(t, m, m.Account, id)
		// With the four privileges MariaDB does not list its replicas, so that the second can't avoid the first's.
		other.chosen.Store(true)
		set, _ := start(t, old)
		first := follow(t, old, set)
		first.next()
		second := follow(t, other, set)
		second.next()
		if m.Kind == servers.MariaDB1011 {
			err := first.ended()
			wantCode(t, err, "source.server_id_clash")
			if !task.Retryable(err) || old.ServerID() == id {
				t.Errorf("%v, and the id is still %d", err, old.ServerID())
			}
			first = follow(t, old, set)
			first.next()
		}
		// Both are served.
		_, c := database(t, m)
		run(t, c, "CREATE TABLE both_see (id INT PRIMARY KEY)")
		for _, r := range []*reader{first, second} {
			r.until(end(t, old))
		}
		if other.ServerID() != id {
			t.Errorf("the newer reader has the id %d", other.ServerID())
		}
	})
}

// A reader does not take the id of a replica that the server lists: that one would be thrown out.
func TestServerIDIsAvoided(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		const id = 3_000_000_002
		s := openAs(t, m, m.Account, id)
		set, _ := start(t, s)
		follow(t, s, set).next()
		list, readable, err := s.Registered(testContext(t))
		if want := m.Kind == servers.MySQL80; err != nil || readable != want || want != (indexOf(list, id) >= 0) {
			t.Errorf("with the four privileges: %+v %v %v", list, readable, err)
		}
		root := openAs(t, m, m.RootUser, id)
		if list, readable, err := root.Registered(testContext(t)); err != nil || !readable || indexOf(list, id) < 0 {
			t.Errorf("with all privileges: %+v %v %v", list, readable, err)
		}
		follow(t, root, set).next()
		if got := root.ServerID(); got == id || got < 1<<31 {
			t.Errorf("the second reader has the id %d", got)
		}
		if s.ServerID() != id {
			t.Errorf("the first reader has the id %d", s.ServerID())
		}
	})
}

func indexOf(list []Registered, id uint32) int {
	for i, r := range list {
		if r.ID == id {
			return i
		}
	}
	return -1
}

// The number 1236 has many meanings, and this one passes.
func TestClashOfMySQL(t *testing.T) {
	t.Parallel()
	s := new(Source)
	for message, code := range map[string]string{
		"A slave with the same server_uuid/server_id as this slave has connected to the master; the first event '' at 4":            "source.server_id_clash",
		"A replica with the same server_uuid/server_id as this replica has connected to the source; the first event '' at 4":        "source.server_id_clash",
		"Could not find first log file name in binary log index file":                                                               "source.binlog_purged",
		"Cannot replicate because the source purged required binary logs. Replicate the missing transactions from elsewhere, or so": "source.binlog_purged",
	} {
		err := s.classify(&gomysql.MyError{Code: gomysql.ER_MASTER_FATAL_ERROR_READING_BINLOG, Message: message})
		if task.Code(err) != code || task.Retryable(err) != (code == sameServerID.code) {
			t.Errorf("%s: %v, want %s", message, err, code)
		}
	}
}
