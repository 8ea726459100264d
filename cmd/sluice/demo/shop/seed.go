package shop

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// batchBytes is about the size of an INSERT: well below the smallest max_allowed_packet.
const batchBytes = 512 << 10

// Exists reports whether the server has the database.
func Exists(c *client.Conn) (bool, error) {
	r, err := c.Execute("SELECT count(*) FROM information_schema.schemata WHERE schema_name = '" + Database + "'")
	if err != nil {
		return false, err
	}
	n, err := r.GetInt(0, 0)
	return n > 0, err
}

// Drop removes the database.
func Drop(c *client.Conn) error {
	_, err := c.Execute("DROP DATABASE IF EXISTS " + Database)
	return err
}

// Account makes a user with the four privileges that a source asks for and no other, or gives it this password.
func Account(c *client.Conn, user, password string) error {
	for _, sql := range []string{
		"CREATE USER IF NOT EXISTS '" + user + "'@'%' IDENTIFIED BY '" + password + "'",
		"ALTER USER '" + user + "'@'%' IDENTIFIED BY '" + password + "'",
		"GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO '" + user + "'@'%'",
	} {
		if _, err := c.Execute(sql); err != nil {
			return fmt.Errorf("making the account %s: %w", user, err)
		}
	}
	return nil
}

// Seed makes the database with its rows; tell hears how many rows are written.
func Seed(c *client.Conn, tell func(rows int)) error {
	for _, sql := range []string{"SET NAMES utf8mb4", "SET time_zone = '+00:00'", "CREATE DATABASE " + Database + " DEFAULT CHARACTER SET utf8mb4", "USE " + Database} {
		if _, err := c.Execute(sql); err != nil {
			return fmt.Errorf("making the database %s: %w", Database, err)
		}
	}
	written := 0
	for i, t := range tables {
		if _, err := c.Execute("CREATE TABLE " + t.name + " (" + t.columns + ")"); err != nil {
			return fmt.Errorf("making table %s: %w", t.name, err)
		}
		r := rand.New(rand.NewPCG(2026, uint64(i)))
		if err := t.insert(c, r, func(n int) { written += n; tell(written) }); err != nil {
			return fmt.Errorf("filling table %s: %w", t.name, err)
		}
	}
	// Estimates of rows are made from statistics, which come late by themselves.
	if _, err := c.Execute("ANALYZE NO_WRITE_TO_BINLOG TABLE " + strings.Join(Tables(), ", ")); err != nil {
		return fmt.Errorf("analyzing the tables: %w", err)
	}
	return nil
}

// insert writes the rows in statements of many.
func (t *table) insert(c *client.Conn, r *rand.Rand, tell func(int)) error {
	var b strings.Builder
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		_, err := c.Execute(b.String())
		tell(n)
		b.Reset()
		n = 0
		return err
	}
	for row := range t.rows(r) {
		if n == 0 {
			b.WriteString("INSERT INTO " + t.name + " VALUES ")
		} else {
			b.WriteByte(',')
		}
		writeRow(&b, row)
		if n++; b.Len() >= batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func writeRow(b *strings.Builder, row []any) {
	for i, v := range row {
		b.WriteByte("(,"[min(i, 1)])
		writeValue(b, v)
	}
	b.WriteByte(')')
}

// writeValue writes a value as SQL.
func writeValue(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("NULL")
	case string:
		b.WriteString("'" + mysql.Escape(v) + "'")
	case []byte:
		b.WriteString("x'" + hex.EncodeToString(v) + "'")
	case int:
		b.WriteString(strconv.Itoa(v))
	default:
		fmt.Fprint(b, v)
	}
}
