package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/task"
)

const (
	dialTimeout = 10 * time.Second
	// A server that is silent for this long on a short question is lost. Views have no limit: a filter may match
	// nothing for long, and a dead line is found by TCP.
	readTimeout = 2 * time.Minute
	// The server must not give up on a reader that waits for its target. Who waits for a lock holds others up, and a statement
	// that waits for us holds up everybody behind it.
	sessionSetup = "SET SESSION time_zone='+00:00', sql_mode='ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', net_write_timeout=86400, lock_wait_timeout=2, innodb_lock_wait_timeout=2"
)

// dialer opens connections to the one server of a source.
type dialer struct {
	spec task.Source
	addr string
	tls  *tls.Config
}

func newDialer(spec task.Source) (*dialer, error) {
	config, err := tlsConfig(spec.TLS, spec.Host)
	if err != nil {
		return nil, err
	}
	return &dialer{spec: spec, addr: net.JoinHostPort(spec.Host, strconv.Itoa(port(spec))), tls: config}, nil
}

func port(spec task.Source) int {
	if spec.Port == 0 {
		return 3306
	}
	return spec.Port
}

// conn is one connection. It is not safe for use at the same time.
type conn struct {
	*client.Conn
	raw     net.Conn // below TLS; closing it is safe while a call is under way
	flavor  cdc.Flavor
	version version
	broken  bool // an I/O error or a cancellation left it unusable
	answer  packets
}

// dial opens a connection and proves that it reached the same server as before. A server that is silent for longer
// than silence is lost; 0 is no limit.
func (s *Source) dial(ctx context.Context, silence time.Duration) (*conn, error) {
	d := s.dialer
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var raw net.Conn
	stop := func() bool { return true }
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		var err error
		if raw, err = (&net.Dialer{}).DialContext(ctx, network, addr); err == nil {
			stop = context.AfterFunc(ctx, func() { raw.Close() })
			if s.options.Dialed != nil {
				s.options.Dialed(raw.LocalAddr())
			}
		}
		return raw, err
	}
	cc, err := client.ConnectWithDialer(ctx, "tcp", d.addr, d.spec.User, d.spec.Password.Reveal(), "", dial,
		func(c *client.Conn) error {
			c.SetTLSConfig(d.tls)
			c.ReadTimeout = silence
			// So that rows, which result reads by itself, have one form.
			c.UnsetCapability(gomysql.CLIENT_DEPRECATE_EOF)
			c.UnsetCapability(gomysql.CLIENT_QUERY_ATTRIBUTES)
			return nil
		})
	c := &conn{Conn: cc, raw: raw}
	if err == nil {
		err = s.classify(s.prepare(c))
	}
	if !stop() || err != nil {
		if cc != nil {
			cc.Close()
		}
		return nil, s.dialError(ctx, err)
	}
	return c, nil
}

// dialError prefers what ctx says: a connection that was closed because of it tells nothing itself.
func (s *Source) dialError(ctx context.Context, err error) error {
	switch ctx.Err() {
	case context.Canceled:
		return ctx.Err()
	case context.DeadlineExceeded:
		err = ctx.Err()
	}
	return withOp("connecting to "+s.dialer.addr, s.classifyDial(err))
}

// prepare sets the session up and checks the server's identity.
func (s *Source) prepare(c *conn) error {
	if err := c.exec("SET NAMES utf8mb4"); err != nil {
		return err
	}
	if err := c.exec(sessionSetup); err != nil {
		return err
	}
	server, err := c.identify()
	if err != nil {
		return err
	}
	c.flavor = server.Flavor
	if c.version, err = parseVersion(server.Version); err != nil {
		return err
	}
	if s.server.ID == "" {
		s.server, s.version = server, c.version
	}
	return s.sameServer(server)
}

const otherServer = "source.other_server"

func (s *Source) sameServer(found engine.Server) error {
	if found.ID == s.server.ID && found.Flavor == s.server.Flavor {
		return nil
	}
	return &task.Error{
		Code:  otherServer,
		Text:  fmt.Sprintf("%s is now another server (%s) than the one this task reads (%s)", s.dialer.addr, found.ID, s.server.ID),
		Hint:  "A proxy or a failover sent this connection elsewhere. The task compares both servers and goes on if that is safe.",
		Retry: true,
	}
}

func (c *conn) identify() (engine.Server, error) {
	server := engine.Server{Flavor: cdc.MySQL}
	sql := "SELECT @@server_uuid, @@version, @@lower_case_table_names, @@log_bin_basename"
	if strings.Contains(c.GetServerVersion(), "MariaDB") {
		server.Flavor = cdc.MariaDB
		sql = "SELECT CONCAT(@@server_id, '@', @@hostname), @@version, @@lower_case_table_names, @@log_bin_basename"
	}
	err := c.query(sql, func(row []string) error {
		server.ID, server.Version, server.LowerNames = row[0], row[1], row[2] != "0"
		server.Log = row[3][strings.LastIndexAny(row[3], `/\`)+1:]
		return nil
	})
	return server, err
}

// watch closes the connection when ctx ends, so that a blocked call returns. Call release when the call is over.
func (c *conn) watch(ctx context.Context) (release func()) {
	stop := context.AfterFunc(ctx, func() { c.raw.Close() })
	return func() {
		if !stop() {
			c.broken = true
		}
	}
}

// exec runs a statement that gives no rows.
func (c *conn) exec(sql string) error { return c.query(sql, nil) }

// query runs a statement by the text protocol and calls each for every row; NULL is "".
func (c *conn) query(sql string, each func([]string) error) error {
	result, err := c.Execute(sql)
	if err != nil {
		c.note(err)
		return err
	}
	if result.Resultset == nil || each == nil {
		return nil
	}
	row := make([]string, len(result.Fields))
	for _, values := range result.Values {
		for i := range values {
			row[i] = ""
			if v := &values[i]; v.Type == gomysql.FieldValueTypeString {
				row[i] = string(v.AsString())
			} else if v.Type != gomysql.FieldValueTypeNull {
				row[i] = v.String()
			}
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

// note remembers whether the error left the connection unusable: all but the server's own answers do.
func (c *conn) note(err error) {
	var answer *gomysql.MyError
	if err != nil && !errors.As(err, &answer) {
		c.broken = true
	}
}

// end reads the end of the binlog.
func (c *conn) end() (cdc.Position, error) {
	sql := "SHOW MASTER STATUS"
	if c.flavor == cdc.MySQL && c.version.atLeast(8, 2) {
		sql = "SHOW BINARY LOG STATUS"
	}
	var p cdc.Position
	found := false
	err := c.query(sql, func(row []string) error {
		found = true
		var err error
		p, err = position(row[0], row[1])
		return err
	})
	if err == nil && !found {
		err = errBinlogOff
	}
	return p, err
}

func position(file, offset string) (cdc.Position, error) {
	n, err := cdc.FileNumber(file)
	if err != nil {
		return cdc.Position{}, err
	}
	at, err := strconv.ParseUint(offset, 10, 64)
	return cdc.Position{File: n, Offset: at}, err
}

// executed reads the set of finished transactions: gtid_executed, or gtid_binlog_pos on MariaDB.
func (c *conn) executed() (cdc.GTIDSet, error) {
	sql := "SELECT @@GLOBAL.gtid_executed"
	if c.flavor == cdc.MariaDB {
		sql = "SELECT @@GLOBAL.gtid_binlog_pos"
	}
	var set cdc.GTIDSet
	err := c.query(sql, func(row []string) error {
		var err error
		set, err = cdc.ParseGTIDSet(c.flavor, row[0])
		return err
	})
	return set, err
}

// version is a server's major and minor version.
type version struct{ major, minor int }

func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

func parseVersion(s string) (version, error) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) < 2 {
		return version{}, fmt.Errorf("server version %q is not understood", s)
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err := errors.Join(err1, err2); err != nil {
		return version{}, fmt.Errorf("server version %q is not understood: %w", s, err)
	}
	return version{major, minor}, nil
}
