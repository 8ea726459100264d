package mysql

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// maxIdle bounds the connections that are kept for the next views.
const maxIdle = 32

// view is one open consistent snapshot; it owns its connection.
type view struct {
	source *Source
	conn   *conn
	exact  cdc.Position
	known  bool
}

// View opens a consistent snapshot in REPEATABLE READ.
func (s *Source) View(ctx context.Context) (snapshot.View, error) {
	for {
		c, reused, err := s.take(ctx)
		if err != nil {
			return nil, withOp("opening a snapshot", err)
		}
		v := &view{source: s, conn: c}
		if err = v.do(ctx, "opening a snapshot", v.open); err == nil {
			return v, nil
		}
		lost := c.broken
		v.Close()
		if !reused || !lost || ctx.Err() != nil {
			return nil, err
		}
	}
}

// take gives an idle connection or a new one.
func (s *Source) take(ctx context.Context) (c *conn, reused bool, err error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		c = s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return c, true, nil
	}
	s.mu.Unlock()
	if c, err = s.dial(ctx, 0); err != nil {
		return nil, false, err
	}
	if err = c.forViews(); err != nil {
		c.Close()
		return nil, false, s.classify(err)
	}
	return c, false, nil
}

// forViews prepares a new connection. Text must arrive as it is stored, as the binlog carries it. Long keys must be sorted
// by all of their weight, should the server sort and not read along the key.
func (c *conn) forViews() error {
	return c.exec("SET SESSION character_set_results = NULL, max_sort_length = 8388608")
}

// give takes a connection back; one in an unknown state is closed.
func (s *Source) give(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.broken || s.closed || len(s.idle) >= maxIdle {
		c.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// do runs one step of the view under ctx.
func (v *view) do(ctx context.Context, op string, step func() error) error {
	if v.conn == nil {
		return &task.Error{Code: "internal", Op: op, Text: "the snapshot is closed"}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	release := v.conn.watch(ctx)
	err := step()
	release()
	var callers *callersError
	switch {
	case errors.As(err, &callers):
		return callers.err
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	}
	return withOp(op, v.source.classify(err))
}

// callersError is an error of the caller's own function, which is nothing of the server's.
type callersError struct{ err error }

func (e *callersError) Error() string { return e.err.Error() }

func (v *view) open() error {
	if err := v.conn.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"); err != nil {
		return err
	}
	if err := v.conn.exec("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return err
	}
	if v.conn.flavor != cdc.MariaDB {
		return nil
	}
	var file, offset string
	err := v.conn.query("SHOW STATUS LIKE 'binlog_snapshot_%'", func(row []string) error {
		switch strings.ToLower(row[0]) {
		case "binlog_snapshot_file":
			file = row[1]
		case "binlog_snapshot_position":
			offset = row[1]
		}
		return nil
	})
	if err != nil || file == "" {
		return err
	}
	v.exact, err = position(file, offset)
	v.known = err == nil
	return err
}

// Exact gives the position that the view is the state of, on MariaDB.
func (v *view) Exact() (cdc.Position, bool) { return v.exact, v.known }

// Lock takes the tables' metadata locks until Close. The locks come first and the end of the binlog last, so that no
// change of a definition lies between what was read and End. SHOW CREATE TABLE, which is about the table as it is, is asked
// where the locks were taken and the tables are open already; the rest on another connection: inside the snapshot MySQL's
// information_schema shows a definition as it was when the snapshot was opened.
func (v *view) Lock(ctx context.Context, ids ...cdc.TableID) ([]snapshot.Locked, error) {
	op := "locking the definition of " + ids[0].String()
	if more := len(ids) - 1; more > 0 {
		op += " and of " + strconv.Itoa(more) + " more tables"
	}
	list := make([]snapshot.Locked, len(ids))
	err := v.do(ctx, op, func() error { return v.conn.lockAll(ids, list, v.conn.lock) })
	if err != nil {
		return nil, err
	}
	err = v.source.ask(ctx, op, func(c *conn) error {
		for i, id := range ids {
			if err := v.source.define(c, id, &list[i]); err != nil {
				return err
			}
		}
		return c.stamp(list)
	})
	return list, err
}

// stamp completes definitions under locks: none of them changes between what was read and now.
func (c *conn) stamp(list []snapshot.Locked) error {
	end, err := c.end()
	if err != nil {
		return err
	}
	now, err := c.now()
	for i := range list {
		list[i].End, list[i].Now = end, now
	}
	return err
}

// define reads the definition of a table of which SHOW CREATE TABLE is known.
func (s *Source) define(c *conn, id cdc.TableID, l *snapshot.Locked) (err error) {
	if l.Table = s.recall(id, l.Create); l.Table != nil {
		return nil
	}
	if l.Table, err = c.table(id); err == nil {
		s.remember(l)
	}
	return err
}

// now is the server's clock, in seconds since 1970.
func (c *conn) now() (now int64, err error) {
	err = c.query("SELECT UNIX_TIMESTAMP()", func(row []string) error { now = int64(number(row[0])); return nil })
	return now, err
}

// Rows runs the chunk's SELECT.
func (v *view) Rows(ctx context.Context, q snapshot.Query, each func(cdc.Row) error) (int, error) {
	n := 0
	err := v.do(ctx, "reading rows of "+q.Table.String(), func() error {
		sql, err := selectSQL(q)
		if err != nil {
			return &undecodable{err}
		}
		r := newResult(v.conn, q.Table)
		if err := r.weigh(v.source, q.Weigh); err != nil {
			return err
		}
		n, err = r.read(sql, each)
		return err
	})
	return n, err
}

// rollbackTimeout is how long a server may take to end a transaction; closing the connection does it as well.
const rollbackTimeout = 2 * time.Second

// Close ends the transaction and frees the connection, also where the server is silent; twice is fine.
func (v *view) Close() error {
	if v.conn == nil {
		return nil
	}
	c := v.conn
	v.conn = nil
	if !c.broken {
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
		release := c.watch(ctx)
		c.exec("ROLLBACK") // an error marks it broken
		release()
		cancel()
	}
	v.source.give(c)
	return nil
}
