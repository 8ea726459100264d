package workload

import (
	"context"
	"errors"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// define runs DDL in a fixed order until ctx ends; the order ends with the definitions that it began with.
func (s *session) define(ctx context.Context) (Stats, error) {
	steps := []string{
		"ALTER TABLE t_ddl ADD COLUMN c1 INT NOT NULL DEFAULT 7",
		"ALTER TABLE t_ddl ADD COLUMN c2 VARCHAR(20) DEFAULT 'né中' AFTER a",
		"ALTER TABLE t_ddl CHANGE COLUMN b b2 VARCHAR(60)",
		"ALTER TABLE t_ddl ADD KEY k_a (a)",
		"ALTER TABLE t_ddl RENAME COLUMN b2 TO b",
		"ALTER TABLE t_ddl DROP KEY k_a, DROP COLUMN c1",
		"ALTER TABLE t_ddl DROP COLUMN c2",
	}
	if s.o.Rename {
		steps = append(steps, "RENAME TABLE t_renamed TO "+RenamedAway, "RENAME TABLE "+RenamedAway+" TO t_renamed")
	}
	if s.o.Truncate {
		steps = append(steps, "TRUNCATE TABLE t_ddl")
	}
	for i := 0; pause(ctx, time.Duration(50+s.g.IntN(200))*time.Millisecond); i++ {
		sql := steps[i%len(steps)]
		if i%len(steps) >= len(steps)-2 && s.o.Rename && !pause(ctx, 50*time.Millisecond) {
			break
		}
		if err := s.execute(ctx, sql); err != nil {
			return s.stats, err
		}
	}
	return s.stats, nil
}

// Server errors of a statement that was run before.
var done = map[uint16]bool{1050: true, 1054: true, 1060: true, 1061: true, 1091: true, 1146: true}

// execute repeats a statement that did not get its lock, since the next ones build on it, until ctx ends. One whose
// answer was lost with its connection is repeated too, and may then have been run.
func (s *session) execute(ctx context.Context, sql string) error {
	unsure := false
	for {
		_, err := s.c.Execute(sql)
		var e *mysql.MyError
		switch errors.As(err, &e); {
		case e != nil && (e.Code == errLockWait || e.Code == errDeadlock):
			s.stats.Retried++
			if ctx.Err() != nil {
				return nil
			}
			continue
		case e != nil && unsure && done[e.Code]:
			err = nil
		case e != nil && e.Code == errRowSize: // MariaDB keeps room for dropped columns until the table is built anew
			if _, forced := s.c.Execute("ALTER TABLE t_ddl FORCE"); forced != nil && !lost(forced) {
				return forced
			}
			continue // a lost connection is met again by the statement itself
		case err != nil && s.o.Reconnect && lost(err):
			if err := s.again(ctx, err); err != nil {
				return err
			}
			unsure = true
			continue
		}
		if err == nil {
			s.stats.DDL++
			s.run.count(&s.run.defined)
		}
		return err
	}
}
