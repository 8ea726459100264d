package workload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/enginetest/wait"
)

// branch runs the statements as an XA transaction. Some are prepared and left by their session, some rolled back, and
// some committed in one phase.
func (s *session) branch(ctx context.Context, statements []string) error {
	s.branches++
	xid := fmt.Sprintf("'%s %d','%d',%d", s.o.Schema, s.number, s.branches, 1+s.branches%3)
	rows := 0
	for _, sql := range slices.Concat([]string{"XA START " + xid}, statements, []string{"XA END " + xid}) {
		r, err := s.c.Execute(sql)
		if err != nil {
			return s.giveUp(xid, fmt.Errorf("%.200s: %w", sql, err))
		}
		rows += int(r.AffectedRows)
	}
	how := s.g.IntN(10)
	if how == 0 {
		return s.finish(xid, "XA COMMIT "+xid+" ONE PHASE", rows)
	}
	if how == 1 {
		return s.finish(xid, "XA ROLLBACK "+xid, 0)
	}
	if _, err := s.c.Execute("XA PREPARE " + xid); err != nil {
		return s.giveUp(xid, err)
	}
	if how < 5 {
		if err := s.leave(ctx); err != nil {
			return err
		}
	}
	time.Sleep(time.Duration(s.g.IntN(150)) * time.Millisecond) // a coordinator asks the others meanwhile
	if how%4 == 2 {
		return s.finish(xid, "XA ROLLBACK "+xid, 0)
	}
	return s.finish(xid, "XA COMMIT "+xid, rows)
}

func (s *session) finish(xid, sql string, rows int) error {
	if _, err := s.c.Execute(sql); err != nil {
		return s.giveUp(xid, err)
	}
	s.stats.XA++
	if rows > 0 {
		s.stats.Rows += rows
		s.run.count(&s.run.committed)
	}
	return nil
}

// giveUp rolls back what an error has left, if it is one that writers meet.
func (s *session) giveUp(xid string, err error) error {
	var e *mysql.MyError
	if !errors.As(err, &e) {
		return err
	}
	_, _ = s.c.Execute("XA END " + xid) // it may be past that
	var over *mysql.MyError             // the server may have rolled back itself
	if _, back := s.c.Execute("XA ROLLBACK " + xid); back != nil && !errors.As(back, &over) {
		return errors.Join(err, back)
	}
	switch e.Code {
	case errDeadlock, errLockWait, mysql.ER_XA_RBDEADLOCK, mysql.ER_XA_RBTIMEOUT, mysql.ER_XA_RBROLLBACK:
		s.stats.Retried++
	case errDuplicate, errNoColumn, errNoTable, errChanged, errOutside:
		s.stats.Skipped++
	default:
		return err
	}
	return nil
}

// prepared tells of a branch of this workload that nobody has ended: its locks stay.
func prepared(addr, user, password, schema string) error {
	c, err := connect(context.Background(), addr, user, password, schema)
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.Execute("XA RECOVER")
	if err != nil {
		return err
	}
	for i := range r.RowNumber() {
		if id, err := r.GetStringByName(i, "data"); err != nil || strings.HasPrefix(id, schema+" ") {
			return fmt.Errorf("XA transaction %q is left prepared: %w", id, cmp.Or(err, errLeft))
		}
	}
	return nil
}

var errLeft = errors.New("no session ended it")

// leave goes on in another session, once the server has let go of this one: an XA COMMIT that comes before that is
// logged and then undone by MariaDB. The end of ctx does not matter: a branch that nobody ends keeps its locks, for which
// DDL waits as long as the server lets it.
func (s *session) leave(ctx context.Context) error {
	id := s.c.GetConnectionID()
	s.c.Close()
	c, err := s.connect(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	s.c = c
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	var failed error
	err = wait.Until(ctx, func() error {
		n := int64(0)
		r, err := c.Execute(fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE id=%d", id))
		if err == nil {
			n, err = r.GetInt(0, 0)
		}
		var e *mysql.MyError
		if errors.As(err, &e) && e.Code == errSpelling {
			return err
		}
		if failed = err; failed == nil && n > 0 {
			return fmt.Errorf("the server does not let go of session %d", id)
		}
		return nil
	})
	return cmp.Or(failed, err)
}
