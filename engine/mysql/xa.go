package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

// mariaPreparedXA is the flag of a MariaDB GTID event whose transaction ends in XA PREPARE.
const mariaPreparedXA = 64

// xidOf reads the name of an XA transaction out of the body of an XA PREPARE event: one byte, then the format and the
// two lengths in four bytes each, then the bytes of the two parts.
func xidOf(body []byte) (string, error) {
	if len(body) < 13 {
		return "", errors.New("the event is too short")
	}
	format := binary.LittleEndian.Uint32(body[1:])
	gtrid, bqual := int64(binary.LittleEndian.Uint32(body[5:])), int64(binary.LittleEndian.Uint32(body[9:]))
	body = body[13:]
	if gtrid+bqual > int64(len(body)) {
		return "", errors.New("the event is too short")
	}
	return xidText(format, body[:gtrid], body[gtrid:gtrid+bqual]), nil
}

// xidText writes a name as the servers do in the binlog.
func xidText(format uint32, gtrid, bqual []byte) string {
	return fmt.Sprintf("X'%x',X'%x',%d", gtrid, bqual, format)
}

// endXA gives the event of XA COMMIT or XA ROLLBACK of a transaction that was prepared.
func (t *translator) endXA(e cdc.Event, sql string) error {
	f := strings.Fields(sql)
	if len(f) != 3 {
		return t.broken("an XA statement of unknown form")
	}
	switch e.XID = lowerHex(f[2]); strings.ToUpper(f[1]) {
	case "COMMIT":
		e.Kind = cdc.EventXACommit
	case "ROLLBACK":
		e.Kind = cdc.EventXARollback
	default:
		return t.broken("an XA statement of unknown form")
	}
	return t.emit(e)
}

// lowerHex brings the digits of a name to lower case.
func lowerHex(xid string) string { return strings.ReplaceAll(strings.ToLower(xid), "x'", "X'") }

// Prepared gives the XA transactions that are prepared now, by name; known is false where the account may not ask.
func (s *Source) Prepared(ctx context.Context) (xids []string, known bool, err error) {
	err = s.ask(ctx, "asking for prepared XA transactions", func(c *conn) error {
		xids, known, err = c.prepared()
		return err
	})
	return xids, known, err
}

func (c *conn) prepared() (xids []string, known bool, err error) {
	err = c.query("XA RECOVER", func(row []string) error { // format, two lengths, the bytes as they are
		gtrid, err := strconv.Atoi(row[1])
		format, err1 := strconv.ParseUint(row[0], 10, 32)
		if err != nil || err1 != nil || gtrid > len(row[3]) {
			return fmt.Errorf("XA RECOVER gives %q", row)
		}
		xids = append(xids, xidText(uint32(format), []byte(row[3][:gtrid]), []byte(row[3][gtrid:])))
		return nil
	})
	var answer *gomysql.MyError
	if errors.As(err, &answer) && answer.Code == gomysql.ER_XAER_RMERR { // without XA_RECOVER_ADMIN
		return nil, false, nil
	}
	return xids, err == nil, err
}

// Transactions that are just being committed are waited for at the start of a task, so that few remain of which the
// binlog brings the end alone.
const (
	preparedWithin = 5 * time.Second
	preparedBlind  = 2 * time.Second // where the server does not say which are prepared
	preparedPause  = 20 * time.Millisecond
)

// passPrepared lets the XA transactions end that are prepared now and do so soon.
func (s *Source) passPrepared(ctx context.Context) error {
	left, known, err := s.Prepared(ctx)
	if err == nil && !known {
		return s.passBlind(ctx)
	}
	for deadline := time.Now().Add(preparedWithin); err == nil && len(left) > 0 && time.Now().Before(deadline); {
		if err := wait(ctx, preparedPause); err != nil {
			return err
		}
		var now []string
		now, _, err = s.Prepared(ctx)
		left = slices.DeleteFunc(left, func(x string) bool { return !slices.Contains(now, x) })
	}
	return err
}

// passBlind does so if any was prepared since the server started.
func (s *Source) passBlind(ctx context.Context) error {
	any := false
	err := s.ask(ctx, "asking for prepared XA transactions", func(c *conn) error {
		return c.query("SHOW GLOBAL STATUS LIKE 'Com_xa_prepare'", func(row []string) error { any = row[1] != "0"; return nil })
	})
	if err != nil || !any {
		return err
	}
	return wait(ctx, preparedBlind)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
