package mysql

import (
	"context"
	"fmt"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// missing tells what is gone of that which follows the set, where a dump was refused because something is. The server's
// answer stays where something else may be the reason: its number for it has many.
func (s *Source) missing(ctx context.Context, after cdc.GTIDSet, refused error) error {
	if task.Code(refused) != "source.binlog_purged" {
		return refused
	}
	files, err := s.Files(ctx)
	if err != nil || len(files) == 0 {
		return refused
	}
	oldest := files[0].Name
	lacks := ""
	if s.server.Flavor == cdc.MySQL {
		err = s.ask(ctx, "asking what was purged", func(c *conn) error {
			return c.query("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_purged, "+quoteString(after.String())+")", func(row []string) error {
				if lacks = row[0]; lacks != "" {
					lacks = "transactions that the task needs: " + shortened(lacks)
				}
				return nil
			})
		})
	} else { // its sets name the newest of each domain
		var first fileHead
		if first, err = s.head(ctx, oldest); err == nil && !after.Includes(first.set) {
			lacks = "what the task needs: all that follows " + shortened(after.String()) + " up to " + shortened(first.set.String())
		}
	}
	if err != nil || lacks == "" {
		return refused
	}
	return &task.Error{Code: "source.binlog_purged", Err: refused, Text: fmt.Sprintf("the source has purged %s; its oldest binlog file is %s", lacks, oldest),
		Hint: "What was purged can't be read: copy the tables again in a new task, and keep the binlog longer (binlog_expire_logs_seconds)."}
}

// shortened keeps a text readable: a set may have thousands of intervals.
func shortened(text string) string {
	const most = 400
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
