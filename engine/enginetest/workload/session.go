package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// session is one connection and its random choices.
type session struct {
	o      Options
	c      *client.Conn
	g      *rand.Rand
	number int
	run    *Run
	stats  Stats
	fresh  int // rows that this writer added beyond the loaded ones

	branches int // XA transactions

	connect func(context.Context) (*client.Conn, error)
}

// Server errors that a writer meets in normal work.
const (
	errDuplicate = 1062
	errNoColumn  = 1054
	errNoTable   = 1146
	errChanged   = 1412 // the definition changed inside the transaction
	errLockWait  = 1205
	errDeadlock  = 1213
	errRowSize   = 1118
	errOutside   = 1264 // a value is out of range
	errSpelling  = 3854 // MySQL 9.7, of a list of sessions, one of which has just been cut within a character
)

// leaveTimeout is how long a server that is busy may take to let go of a session.
const leaveTimeout = time.Minute

// write runs transactions until ctx ends.
func (s *session) write(ctx context.Context) (Stats, error) {
	all := tables()
	next := time.Now()
	for ctx.Err() == nil {
		if s.o.Rate > 0 {
			next = next.Add(time.Second * time.Duration(s.o.Writers) / time.Duration(s.o.Rate))
			if !pause(ctx, time.Until(next)) {
				break
			}
		}
		if s.o.XA && s.g.IntN(10) == 0 {
			if err := s.again(ctx, s.branch(ctx, s.statements(all))); err != nil {
				return s.stats, err
			}
			continue
		}
		rollback := s.g.IntN(25) == 0
		if err := s.again(ctx, s.transaction(s.statements(all), rollback)); err != nil {
			return s.stats, err
		}
	}
	return s.stats, nil
}

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// statements makes the statements of one transaction.
func (s *session) statements(all []*table) []string {
	pick := func() *table { return all[s.g.IntN(len(all))] }
	switch n := s.g.IntN(100); {
	case n < 50:
		return []string{s.single(pick())}
	case n < 60:
		return []string{s.hot(pick())}
	case n < 70:
		return []string{s.moveKey(pick())}
	case n < 75:
		return []string{s.many(pick())}
	}
	var out []string
	for range 2 + s.g.IntN(5) {
		switch t := pick(); s.g.IntN(8) {
		case 0:
			out = append(out, s.moveKey(t))
		case 1:
			out = append(out, s.hot(t))
		default:
			out = append(out, s.single(t))
		}
	}
	return out
}

// transaction runs the statements in one transaction; a deadlock or lock timeout rolls it back and tries again.
func (s *session) transaction(statements []string, rollback bool) error {
	for range 10 {
		rows, err := s.attempt(statements, rollback)
		if err == nil {
			if rollback {
				s.stats.RolledBack++
				return nil
			}
			s.stats.Committed++
			s.stats.Rows += rows
			s.run.count(&s.run.committed)
			return nil
		}
		var e *mysql.MyError
		if !errors.As(err, &e) {
			return err
		}
		if _, back := s.c.Execute("ROLLBACK"); back != nil {
			return back
		}
		switch e.Code {
		case errDeadlock, errLockWait:
			s.stats.Retried++
		case errDuplicate, errNoColumn, errNoTable, errChanged, errOutside:
			s.stats.Skipped++
			return nil
		default:
			return err
		}
	}
	return nil
}

// attempt runs the statements once; one alone commits by itself, as most applications do.
func (s *session) attempt(statements []string, rollback bool) (rows int, err error) {
	if len(statements) > 1 || rollback {
		statements = append([]string{"BEGIN"}, statements...)
		statements = append(statements, map[bool]string{true: "ROLLBACK", false: "COMMIT"}[rollback])
	}
	for _, sql := range statements {
		r, err := s.c.Execute(sql)
		if err != nil {
			return rows, fmt.Errorf("%.200s: %w", sql, err)
		}
		rows += int(r.AffectedRows)
	}
	return rows, nil
}

// row picks the number of a row: one that was loaded, or one near those that writers added.
func (s *session) row(t *table) int {
	n := max(1, s.o.rows(t.name))
	if s.g.IntN(5) == 0 && s.fresh > 0 {
		return n + s.number + 1 + s.g.IntN(s.fresh)*s.o.Writers
	}
	return 1 + s.g.IntN(n)
}

// newRow gives the number of a row that no other writer makes.
func (s *session) newRow(t *table) int {
	s.fresh++
	return max(1, s.o.rows(t.name)) + s.number + 1 + (s.fresh-1)*s.o.Writers
}

func (s *session) single(t *table) string {
	switch n := s.g.IntN(10); {
	case n < 3:
		return s.insert(t, s.newRow(t))
	case n < 4: // a row that was deleted may come back
		return s.insert(t, s.row(t))
	case n < 8:
		return s.update(t, t.where(s.g, s.row(t)))
	}
	return "DELETE FROM " + t.name + " WHERE " + t.where(s.g, s.row(t)) + t.limit()
}

// hot works on one of the first rows, where all writers meet.
func (s *session) hot(t *table) string {
	n := 1 + s.g.IntN(5)
	switch s.g.IntN(6) {
	case 0:
		return "DELETE FROM " + t.name + " WHERE " + t.where(s.g, n) + t.limit()
	case 1:
		return s.insert(t, n)
	}
	return s.update(t, t.where(s.g, n))
}

// moveKey gives a row another key, now and then one that was in use before.
func (s *session) moveKey(t *table) string {
	to := s.newRow(t)
	if s.g.IntN(3) == 0 {
		to = s.row(t)
	}
	if t.keys == nil {
		return s.update(t, t.where(s.g, to))
	}
	from := s.row(t)
	if t.respell && s.g.IntN(2) == 0 {
		to = from
	}
	var sets []string
	for i, v := range t.key(s.g, to) {
		sets = append(sets, t.keys[i]+"="+v)
	}
	return "UPDATE " + t.name + " SET " + strings.Join(sets, ",") + " WHERE " + t.where(s.g, from)
}

// many changes several rows by one statement.
func (s *session) many(t *table) string {
	var conditions []string
	for range 5 + s.g.IntN(20) {
		conditions = append(conditions, "("+t.where(s.g, s.row(t))+")")
	}
	where := strings.Join(conditions, " OR ")
	switch s.g.IntN(3) {
	case 0:
		return s.update(t, where)
	case 1:
		return "DELETE FROM " + t.name + " WHERE " + conditions[0] + " OR " + conditions[1]
	}
	var rows []string
	for range 5 + s.g.IntN(20) {
		rows = append(rows, t.values(s.g, s.newRow(t)))
	}
	return "INSERT INTO " + t.name + " (" + t.cols + ") VALUES " + strings.Join(rows, ",")
}

func (s *session) insert(t *table, n int) string {
	return "INSERT INTO " + t.name + " (" + t.cols + ") VALUES " + t.values(s.g, n)
}

// update sets one to three columns.
func (s *session) update(t *table, where string) string {
	values := t.rest(s.g)
	var sets []string
	for _, i := range s.g.Perm(len(t.update))[:1+s.g.IntN(min(3, len(t.update)))] {
		sets = append(sets, t.update[i]+"="+values[i])
	}
	return "UPDATE " + t.name + " SET " + strings.Join(sets, ",") + " WHERE " + where + t.limit()
}

// limit keeps statements on the table without a key to a few rows.
func (t *table) limit() string {
	if t.keys == nil {
		return " LIMIT 3"
	}
	return ""
}
