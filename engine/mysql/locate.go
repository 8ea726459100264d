package mysql

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/task"
)

// File is one file of the source's binlog.
type File struct {
	Name string
	Size uint64
}

// Files lists the source's binlog files, the oldest first.
func (s *Source) Files(ctx context.Context) ([]File, error) {
	var files []File
	err := s.ask(ctx, "listing the binlog", func(c *conn) error {
		files = nil
		return c.query("SHOW BINARY LOGS", func(row []string) error {
			size, err := strconv.ParseUint(row[1], 10, 64)
			files = append(files, File{row[0], size})
			return err
		})
	})
	return files, err
}

// Locate turns a start that a person asked for into the set of transactions to open the stream after. A file and a
// time are found by the set at the head of a file; what lies between it and the start is to be skipped.
func (s *Source) Locate(ctx context.Context, from task.From) (engine.Located, error) {
	const op = "finding where to start"
	var at engine.Located
	byFile := false
	err := s.ask(ctx, op, func(c *conn) error {
		var err error
		byFile, err = c.withoutGTID()
		return err
	})
	if err != nil {
		return at, err
	}
	switch {
	case from.GTID != "":
		if byFile {
			err = badStart("the source has no GTIDs (gtid_mode is not ON)", "Give a position or a time.", nil)
		} else if at.Set, err = cdc.ParseGTIDSet(s.server.Flavor, from.GTID); err != nil {
			err = badStart("the GTID set cannot be read", `Write it as the server does: "uuid:1-5", or "0-1-100" on MariaDB.`, err)
		}
	case from.Position != "":
		at, err = s.locatePosition(ctx, from.Position, byFile)
	case from.Time != "":
		at, err = s.locateTime(ctx, from.Time, byFile)
	default:
		err = badStart("no start is given", "Give a position, a GTID set or a time.", nil)
	}
	return at, withOp(op, err)
}

func badStart(text, hint string, err error) error {
	return &task.Error{Code: "source.start", Text: text, Hint: hint, Err: err}
}

func (s *Source) locatePosition(ctx context.Context, text string, byFile bool) (engine.Located, error) {
	var at engine.Located
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return at, badStart(fmt.Sprintf("the position %q is not file:offset", text), `Write it as "mysql-bin.000078:4".`, nil)
	}
	p, err := position(text[:i], text[i+1:])
	if err != nil {
		return at, badStart(fmt.Sprintf("the position %q is not file:offset", text), `Write it as "mysql-bin.000078:4".`, err)
	}
	files, err := s.Files(ctx)
	if err != nil {
		return at, err
	}
	for _, f := range files {
		if f.Name != text[:i] {
			continue
		}
		if p.Offset > f.Size {
			return at, badStart(fmt.Sprintf("%s has %d bytes, so that %d is not in it", f.Name, f.Size, p.Offset), "Give an offset at which a transaction begins.", nil)
		}
		if byFile {
			return engine.Located{Set: beforeFile(p.File), Skip: p}, nil
		}
		head, err := s.head(ctx, f.Name)
		return engine.Located{Set: head.set, Skip: p}, err
	}
	return at, purged("the server has no binlog file " + text[:i])
}

func purged(text string) error {
	return &task.Error{Code: "source.binlog_purged", Text: text, Hint: "Run SHOW BINARY LOGS to see what is left. What was purged cannot be read: copy the tables too, or start later."}
}

// locateTime finds the last file that was begun at or before the time.
func (s *Source) locateTime(ctx context.Context, text string, byFile bool) (engine.Located, error) {
	var at engine.Located
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, badStart(fmt.Sprintf("the time %q cannot be read", text), "Write it as 2026-11-25T08:00:00+08:00.", err)
	}
	files, err := s.Files(ctx)
	if err != nil {
		return at, err
	}
	heads := make([]fileHead, len(files))
	var failed error
	after := sort.Search(len(files), func(i int) bool {
		if failed == nil {
			heads[i], failed = s.head(ctx, files[i].Name)
		}
		return failed != nil || heads[i].begun > t.Unix()
	})
	if failed != nil {
		return at, failed
	}
	if after == 0 {
		return at, purged("the oldest binlog file begins after " + text)
	}
	at = engine.Located{Set: heads[after-1].set, SkipTime: t.UnixMicro()}
	if byFile {
		n, err := cdc.FileNumber(files[after-1].Name)
		at.Set = beforeFile(n)
		return at, err
	}
	return at, nil
}
