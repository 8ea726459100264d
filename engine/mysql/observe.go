package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine"
	"sluice/engine/cdc"
)

// Status reads global counters; those that the server does not know are missing.
func (s *Source) Status(ctx context.Context, names ...string) (status map[string]string, err error) {
	err = s.ask(ctx, "reading the server's status", func(c *conn) error { status, err = c.status(names...); return err })
	return status, err
}

func (c *conn) status(names ...string) (map[string]string, error) {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteString(n)
	}
	status := map[string]string{}
	return status, c.query("SHOW GLOBAL STATUS WHERE Variable_name IN ("+strings.Join(quoted, ",")+")", func(row []string) error {
		status[row[0]] = row[1]
		return nil
	})
}

// BinlogFilters gives the databases of binlog_do_db and binlog_ignore_db.
func (s *Source) BinlogFilters(ctx context.Context) (do, ignore []string, err error) {
	err = s.ask(ctx, "reading the binlog's filters", func(c *conn) error {
		sql := "SHOW MASTER STATUS"
		if c.flavor == cdc.MySQL && c.version.atLeast(8, 2) {
			sql = "SHOW BINARY LOG STATUS"
		}
		return c.query(sql, func(row []string) error {
			do, ignore = names(row[2]), names(row[3])
			return nil
		})
	})
	return do, ignore, err
}

// names splits a list at its commas.
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// Replica is what a server says of its own replication.
type Replica struct {
	Sources int  // how many it replicates from
	Behind  int  // seconds; of the slowest
	Stopped bool // at least one is stopped or its delay is unknown
}

// Replication reads SHOW REPLICA STATUS; readable is false where the account may not.
func (s *Source) Replication(ctx context.Context) (r Replica, readable bool, err error) {
	err = s.ask(ctx, "reading the server's replication", func(c *conn) error { r, readable, err = c.replication(); return err })
	return r, readable, err
}

func (c *conn) replication() (r Replica, readable bool, err error) {
	sql := "SHOW REPLICA STATUS"
	switch {
	case c.flavor == cdc.MariaDB:
		sql = "SHOW ALL SLAVES STATUS"
	case !c.version.atLeast(8, 1): // before 8.0.22 the other name is not known
		sql = "SHOW SLAVE STATUS"
	}
	result, err := c.Execute(sql)
	var answer *gomysql.MyError
	if errors.As(err, &answer) && answer.Code == 1227 {
		return r, false, nil
	}
	if err != nil {
		c.note(err)
		return r, false, err
	}
	for i := range result.Values {
		r.add(result, i)
	}
	return r, true, nil
}

func (r *Replica) add(result *gomysql.Result, row int) {
	r.Sources++
	for _, name := range []string{"Seconds_Behind_Source", "Seconds_Behind_Master"} {
		if _, ok := result.FieldNames[name]; !ok {
			continue
		}
		text, _ := result.GetStringByName(row, name)
		behind, err := strconv.Atoi(text)
		r.Stopped = r.Stopped || err != nil
		r.Behind = max(r.Behind, behind)
	}
}

// Load tells what the server does now. What it replicates counts where the account may see it. It is asked on a view's
// connection: a server that is busy, or whose replication is being stopped, may let it wait, and nothing else is to wait
// for that.
func (s *Source) Load(ctx context.Context) (l engine.Load, err error) {
	const op = "reading the load of the server"
	c, _, err := s.take(ctx)
	if err != nil {
		return l, withOp(op, err)
	}
	release := c.watch(ctx)
	status, err := c.status("Threads_running")
	if err == nil {
		var r Replica
		r, _, err = c.replication()
		l.Behind = r.Behind
	}
	l.Running, _ = strconv.Atoi(status["Threads_running"])
	release()
	s.give(c)
	if ctx.Err() != nil {
		return l, ctx.Err()
	}
	return l, withOp(op, s.classify(err))
}

// LongStatements counts the statements that run for longer than limit, of those that the account may see.
func (s *Source) LongStatements(ctx context.Context, limit time.Duration) (n int, err error) {
	err = s.ask(ctx, "looking for long statements", func(c *conn) error {
		sql := fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE command IN ('Query','Execute') AND time > %d", int(limit.Seconds()))
		return c.query(sql, func(row []string) error { n, err = strconv.Atoi(row[0]); return err })
	})
	return n, err
}

// Session gives the time zone and the charset of a task's sessions, which every connection sets.
func (s *Source) Session(ctx context.Context) (zone, charset string, err error) {
	err = s.ask(ctx, "reading the session's settings", func(c *conn) error {
		return c.query("SELECT @@SESSION.time_zone, @@SESSION.character_set_results", func(row []string) error { zone, charset = row[0], row[1]; return nil })
	})
	return zone, charset, err
}

// Widest gives the bytes of the longest of the first rows of a table, in the columns alone.
func (s *Source) Widest(ctx context.Context, id cdc.TableID, columns []string, rows int) (bytes int64, err error) {
	lengths := make([]string, len(columns))
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = QuoteName(name)
		lengths[i] = "COALESCE(LENGTH(" + quoted[i] + "),0)"
	}
	sql := fmt.Sprintf("SELECT COALESCE(MAX(%s),0) FROM (SELECT %s FROM %s LIMIT %d) AS sample", strings.Join(lengths, "+"), strings.Join(quoted, ", "), quoteTable(id), rows)
	err = s.ask(ctx, "measuring rows of "+id.String(), func(c *conn) error {
		return c.query(sql, func(row []string) error { bytes, err = strconv.ParseInt(row[0], 10, 64); return err })
	})
	return bytes, err
}
