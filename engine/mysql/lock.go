package mysql

import (
	"errors"
	"fmt"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// A table that is not in the server's cache costs half a millisecond to open. What has to be asked of it is asked where and
// while it is open.

// lockFree begins a transaction and locks, but for what can't be had within a moment, or at all: then free is false.
func (c *conn) lockFree(ids []cdc.TableID, list []snapshot.Locked) (free bool, err error) {
	for _, lock := range []locker{c.lockCounting, c.lock} {
		if err := c.exec("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
			return false, err
		}
		if err := c.exec("START TRANSACTION READ ONLY"); err != nil {
			return false, err
		}
		err := c.lockAll(ids, list, lock)
		var answer *gomysql.MyError
		if !errors.As(err, &answer) {
			return err == nil, err
		}
		if err := c.exec("ROLLBACK"); err != nil {
			return false, err
		}
	}
	return false, nil
}

// locker takes metadata locks until the transaction's end; it waits for them as long as lock_wait_timeout says.
type locker func(ids []cdc.TableID, list []snapshot.Locked) error

// openedAtOnce is how many tables are opened with one statement. What is asked of them next is in MySQL's cache of the
// dictionary, which has room for as many tables as connections are allowed, 151 as a rule; others use it as well.
const openedAtOnce = 25

// lockAll locks tables and reads their SHOW CREATE TABLE.
func (c *conn) lockAll(ids []cdc.TableID, list []snapshot.Locked, lock locker) error {
	for from := 0; from < len(ids); from += openedAtOnce {
		to := min(from+openedAtOnce, len(ids))
		if err := lock(ids[from:to], list[from:to]); err != nil {
			return err
		}
		for i := from; i < to; i++ {
			var err error
			if list[i].Create, err = c.create(ids[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// lock is a locker that reads nothing.
func (c *conn) lock(ids []cdc.TableID, _ []snapshot.Locked) error {
	each := make([]string, len(ids))
	for i, id := range ids {
		each[i] = "(SELECT 1 FROM " + quoteTable(id) + " LIMIT 0)"
	}
	return c.exec(strings.Join(each, " UNION ALL "))
}

const (
	// fewRows is what is counted with the lock: the table is open then, and may not be any more when it is counted later.
	fewRows = 2000
	// countWithin is how many milliseconds that may take, because locks are held. Then they are taken without.
	countWithin = 500
)

// lockCounting is a locker that looks, in each table, for a row behind the first few.
func (c *conn) lockCounting(ids []cdc.TableID, list []snapshot.Locked) error {
	hint, before := fmt.Sprintf("/*+ MAX_EXECUTION_TIME(%d) */ ", countWithin), ""
	if c.flavor == cdc.MariaDB {
		hint, before = "", fmt.Sprintf("SET STATEMENT max_statement_time=%.3f FOR ", countWithin/1000.)
	}
	each := make([]string, len(ids))
	for i, id := range ids {
		each[i] = fmt.Sprintf("(SELECT %s%d FROM %s LIMIT %d, 1)", hint, i, quoteTable(id), fewRows)
		hint = "" // it is for the whole statement
		list[i].Few = true
	}
	err := c.query(before+strings.Join(each, " UNION ALL "), func(row []string) error {
		list[number(row[0])].Few = false
		return nil
	})
	for i := range list {
		list[i].Few = list[i].Few && err == nil
	}
	return err
}
