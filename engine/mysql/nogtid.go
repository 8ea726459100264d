package mysql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Of a MySQL without GTID, places in the binlog are named by file and offset, and what is visible is known from where
// files begin and from row locks. See package engine, visible.go.

// withoutGTID reports whether the server may log transactions without an identifier.
func (c *conn) withoutGTID() (bool, error) {
	if c.flavor != cdc.MySQL {
		return false, nil
	}
	vars, err := c.variables("gtid_mode")
	return !strings.EqualFold(vars["gtid_mode"], "ON"), err
}

// beforeFile is the set of all that lies before a file: it was begun when all of that was committed.
func beforeFile(n uint64) *cdc.Upto {
	return &cdc.Upto{At: cdc.Position{File: n, Offset: cdc.FirstEvent}}
}

// Settle locks a row in share mode for the length of one statement. It goes by the primary key, whose index holds the
// locks of all changes of a row.
func (s *Source) Settle(ctx context.Context, t *cdc.Table, key cdc.Row) (ordered bool, err error) {
	where := make([]string, len(key))
	for i, k := range t.Primary {
		value, err := literal(&t.Columns[k], key[i])
		if err != nil {
			return false, nil // such a key can't be written: this row proves nothing
		}
		where[i] = QuoteName(t.Columns[k].Name) + " = " + value
	}
	first := QuoteName(t.Columns[t.Primary[0]].Name)
	sql := fmt.Sprintf("SELECT %s FROM %s FORCE INDEX (PRIMARY) WHERE %s LOCK IN SHARE MODE", first, quoteTable(t.TableID), strings.Join(where, " AND "))
	v, err := s.plain(ctx)
	if err != nil {
		return false, err
	}
	defer v.Close()
	err = v.do(ctx, "locking a row of "+t.TableID.String(), func() error {
		// Under this level a row that is gone leaves no lock on the gap where it was.
		if err := v.conn.exec("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
			return err
		}
		if err := v.conn.exec(sql); err != nil {
			return err
		}
		vars, err := v.conn.variables("binlog_order_commits")
		ordered = strings.EqualFold(vars["binlog_order_commits"], "ON")
		return err
	})
	return ordered, err
}

// plain gives a connection without an open snapshot.
func (s *Source) plain(ctx context.Context) (*view, error) {
	c, _, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	return &view{source: s, conn: c}, nil
}

// startFile opens the dump at a position of the binlog.
func (st *stream) startFile(ctx context.Context, d *dump, at cdc.Position) error {
	name, err := st.source.fileOf(ctx, at)
	if err != nil {
		return err
	}
	offset := at.Offset
	if offset > math.MaxUint32 {
		offset = cdc.FirstEvent // the protocol has no more bits; what was passed is not sent again
	}
	return d.startAt(name, uint32(offset))
}

// fileOf gives the name of the file of a position, if it is there and is long enough.
func (s *Source) fileOf(ctx context.Context, at cdc.Position) (string, error) {
	files, err := s.Files(ctx)
	if err != nil {
		return "", err
	}
	first := uint64(0)
	for i, f := range files {
		n, err := cdc.FileNumber(f.Name)
		if err != nil {
			return "", err
		}
		if i == 0 {
			first = n
		}
		if n != at.File {
			continue
		}
		if at.Offset > f.Size {
			return "", rewritten(fmt.Sprintf("%s has %d bytes, the task has read up to %d", f.Name, f.Size, at.Offset))
		}
		return f.Name, nil
	}
	if at.File < first || len(files) == 0 {
		return "", purged("the server no longer has the binlog file of " + at.In(s.server.Log))
	}
	return "", rewritten("the server has no binlog file as new as that of " + at.In(s.server.Log))
}

func rewritten(text string) error {
	return &task.Error{Code: "source.rewritten", Text: text, Hint: "The source's binlog was reset or replaced. Start a new task with a full copy."}
}

// gtidChanged is what a task that began with GTID meets when the server's mode is another.
func gtidChanged() error {
	return &task.Error{Code: "source.gtid_off", Text: "the source no longer gives every transaction a GTID, by which this task knows where it is",
		Hint: "Set gtid_mode=ON and enforce_gtid_consistency=ON again, and go on. If transactions without GTID were written to the selected tables, start a new task with a full copy."}
}

// answered tells apart the causes that the server gives one number.
func answered(err error) error {
	var answer *gomysql.MyError
	if !errors.As(err, &answer) || answer.Code != gomysql.ER_MASTER_FATAL_ERROR_READING_BINLOG {
		return err
	}
	switch text := strings.ToUpper(answer.Message); {
	case strings.Contains(text, "AUTO_POSITION"):
		return gtidChanged()
	case strings.Contains(text, "ANONYMOUS TRANSACTION"):
		return &task.Error{Code: "source.gtid_on", Err: answer, Text: "gtid_mode was turned on before this task had read all transactions without a GTID, and the server no longer sends them",
			Hint: "SET GLOBAL gtid_mode=ON_PERMISSIVE and go on; turn it on again when the task shows no delay."}
	}
	return err
}

// afterReset looks whether a dump by file that could not go on stood in a log that is no more.
func (st *stream) afterReset(ctx context.Context, err error) error {
	if task.Code(err) != "source.binlog_purged" {
		return err
	}
	if !st.translator.byFile {
		if st.log != nil {
			return st.source.missing(ctx, st.log.Join().Set, err)
		}
		if st.translator.end.IsZero() { // nothing came, so it was refused
			return st.source.missing(ctx, st.after, err)
		}
		return err
	}
	if _, now := st.source.fileOf(ctx, st.translator.end); task.Code(now) == "source.rewritten" {
		return now
	}
	return err
}
