package workload

import (
	"context"
	"errors"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// again connects anew where the error is that of a lost connection and Options.Reconnect is set. What was under way
// may have been committed or not; the next transaction does not depend on it.
func (s *session) again(ctx context.Context, err error) error {
	if err == nil || !s.o.Reconnect || !lost(err) {
		return err
	}
	s.stats.Lost++
	s.c.Close()
	for pause(ctx, 50*time.Millisecond) { // as applications do
		if c, err := s.connect(ctx); err == nil {
			s.c = c
			return nil
		}
	}
	return ctx.Err()
}

// lost tells what ends a connection: anything but the server's answer, or an answer that says so.
func lost(err error) bool {
	var e *mysql.MyError
	if !errors.As(err, &e) {
		return true
	}
	switch e.Code {
	case mysql.ER_SERVER_SHUTDOWN, mysql.ER_QUERY_INTERRUPTED, 1927: // 1927: MariaDB's "connection was killed"
		return true
	}
	return false
}
