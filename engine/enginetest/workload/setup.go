package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
)

// Setup makes the database and its tables anew and loads them.
func Setup(ctx context.Context, addr, user, password string, o Options) error {
	o = o.filled()
	c, err := connect(ctx, addr, user, password, "")
	if err != nil {
		return err
	}
	defer c.Close()
	statements := []string{
		"DROP DATABASE IF EXISTS `" + o.Schema + "`",
		"CREATE DATABASE `" + o.Schema + "` CHARACTER SET utf8mb4",
		"USE `" + o.Schema + "`",
	}
	for _, t := range tables() {
		statements = append(statements, "CREATE TABLE "+t.name+" ("+t.create+") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
	}
	for _, s := range statements {
		if _, err := c.Execute(s); err != nil {
			return fmt.Errorf("%.200s: %w", s, err)
		}
	}
	for i, t := range tables() {
		if err := t.load(ctx, c, rand.New(rand.NewPCG(o.Seed, uint64(i))), o.rows(t.name)); err != nil {
			return fmt.Errorf("loading %s: %w", t.name, err)
		}
	}
	return nil
}

// load inserts rows 1 to n in statements of some hundred kilobytes, twenty to a transaction.
func (t *table) load(ctx context.Context, c *client.Conn, g *rand.Rand, n int) error {
	var b strings.Builder
	head := "INSERT INTO " + t.name + " (" + t.cols + ") VALUES "
	for row := 1; row <= n; row++ {
		if b.Len() == 0 {
			b.WriteString(head)
		} else {
			b.WriteByte(',')
		}
		b.WriteString(t.values(g, row))
		if b.Len() < 256<<10 && row < n {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := c.Execute(b.String()); err != nil {
			return err
		}
		b.Reset()
	}
	return nil
}

// connect signs in with the session settings that every writer has.
func connect(ctx context.Context, addr, user, password, db string) (*client.Conn, error) {
	c, err := client.ConnectWithContext(ctx, addr, user, password, db, connectTimeout)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", addr, err)
	}
	for _, s := range []string{"SET NAMES utf8mb4", "SET time_zone='+00:00'", "SET innodb_lock_wait_timeout=5", "SET lock_wait_timeout=5"} {
		if _, err := c.Execute(s); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}
