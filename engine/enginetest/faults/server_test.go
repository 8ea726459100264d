package faults

import (
	"fmt"
	"time"

	"sluice/engine/enginetest/servers"
)

func killSource(w *world) (time.Time, string) {
	w.source.Kill9(w.t)
	d := w.lasting()
	w.hold(d)
	w.source.Restart(w.t)
	return time.Now(), "down for " + d.String()
}

func freezeSource(w *world) (time.Time, string) {
	w.source.Freeze(w.t)
	w.stalled()
	d := w.lasting()
	w.hold(d)
	w.source.Thaw(w.t)
	return time.Now(), "for " + (quiet + d).String()
}

func rotate(w *world) (time.Time, string) {
	n := 1 + w.g.IntN(4)
	for range n {
		w.source.Exec(w.t, "FLUSH BINARY LOGS")
	}
	return time.Now(), fmt.Sprintf("%d times", n)
}

// disconnect ends the task's connections, so that it has to sign in again.
func (w *world) disconnect() {
	c := w.source.Conn(w.t, "")
	defer c.Close()
	list := "SELECT processlist_id FROM performance_schema.threads WHERE processlist_user='%s'"
	if w.source.Kind == servers.MariaDB1011 {
		list = "SELECT id FROM information_schema.processlist WHERE user='%s'"
	}
	r, err := c.Execute(fmt.Sprintf(list, w.source.Account))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range r.RowNumber() {
		id, _ := r.GetInt(i, 0)
		_, _ = c.Execute(fmt.Sprint("KILL ", id)) // it may be gone by now
	}
}

func changePassword(w *world) (time.Time, string) {
	w.source.Exec(w.t, fmt.Sprintf("ALTER USER '%s'@'%%' IDENTIFIED BY 'Another-pass2'", w.source.Account))
	w.disconnect()
	code := w.failed("source.access_denied")
	w.source.Exec(w.t, fmt.Sprintf("ALTER USER '%s'@'%%' IDENTIFIED BY '%s'", w.source.Account, w.source.Password))
	w.start("")
	return time.Now(), "stopped with " + code
}

func revoke(w *world) (time.Time, string) {
	privilege := []string{"REPLICATION SLAVE", "REPLICATION CLIENT"}[w.g.IntN(2)]
	w.source.Exec(w.t, fmt.Sprintf("REVOKE %s ON *.* FROM '%s'@'%%'", privilege, w.source.Account))
	w.disconnect()
	code := w.failed("source.privilege_missing")
	w.source.Exec(w.t, fmt.Sprintf("GRANT %s ON *.* TO '%s'@'%%'", privilege, w.source.Account))
	w.start("")
	return time.Now(), privilege + ", stopped with " + code
}

func killBroker(w *world) (time.Time, string) {
	b := w.brokers[w.g.IntN(len(w.brokers))]
	b.Kill9(w.t)
	d := w.lasting()
	w.hold(d)
	b.Restart(w.t)
	return time.Now(), "down for " + d.String()
}

// killLeader kills the broker that leads the partition of the beats: the task has to go on without it. It is started
// again afterwards, and has to be in sync before the next fault, as two brokers down at once is another matter.
func killLeader(w *world) (time.Time, string) {
	b := w.leader()
	killed := time.Now()
	b.Kill9(w.t)
	w.back = w.recovered(w.beats.next())
	b.Restart(w.t)
	w.inSync()
	return killed, "started again after it went on without"
}

func freezeBroker(w *world) (time.Time, string) {
	for _, b := range w.brokers {
		b.Freeze(w.t)
	}
	w.stalled()
	d := w.lasting()
	w.hold(d)
	for _, b := range w.brokers {
		b.Thaw(w.t)
	}
	return time.Now(), "for " + (quiet + d).String()
}
