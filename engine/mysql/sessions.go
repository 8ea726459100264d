package mysql

import (
	"context"
	"errors"
	"strconv"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

// OpenSession is a session of another account's or of this one with a value of its own in a variable.
type OpenSession struct {
	ID         uint64 // for KILL
	User, Host string
	Value      string
}

// SessionsWithout lists the open sessions in which the variable has another value than want; one that was set does
// not reach them. readable is false where the account may not look, and on MariaDB, which has no such list.
func (s *Source) SessionsWithout(ctx context.Context, name, want string) (list []OpenSession, readable bool, err error) {
	if s.server.Flavor == cdc.MariaDB {
		return nil, false, nil
	}
	sql := "SELECT t.processlist_id, t.processlist_user, t.processlist_host, v.variable_value, t.processlist_id = CONNECTION_ID()" +
		" FROM performance_schema.variables_by_thread v JOIN performance_schema.threads t USING (thread_id)" +
		" WHERE v.variable_name = " + quoteString(name) + " AND t.processlist_user IS NOT NULL AND t.processlist_command NOT IN ('Daemon','Binlog Dump','Binlog Dump GTID')"
	err = s.ask(ctx, "looking at the settings of open sessions", func(c *conn) error {
		list, readable = nil, false
		err := c.query(sql, func(row []string) error {
			// Without performance_schema the list is empty, and lacks this very session.
			readable = readable || row[4] == "1"
			if row[3] == want {
				return nil
			}
			id, err := strconv.ParseUint(row[0], 10, 64)
			list = append(list, OpenSession{id, row[1], row[2], row[3]})
			return err
		})
		var answer *gomysql.MyError
		if errors.As(err, &answer) && (answer.Code == gomysql.ER_TABLEACCESS_DENIED_ERROR || answer.Code == gomysql.ER_NO_SUCH_TABLE || answer.Code == gomysql.ER_DBACCESS_DENIED_ERROR) {
			return nil
		}
		return err
	})
	return list, readable && err == nil, err
}

// Begun tells when a file of the binlog was begun, in seconds since 1970.
func (s *Source) Begun(ctx context.Context, file string) (int64, error) {
	head, err := s.head(ctx, file)
	return head.begun, withOp("reading the head of "+file, err)
}
