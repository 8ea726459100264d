package mysql

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strconv"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// A server sends its binlog to one reader of an id: MariaDB ends the older one when another comes with its id, MySQL
// where both also say the same UUID, of which each of our connections has its own.

// Registered is a replica that the server knows.
type Registered struct {
	ID   uint32
	Host string // as it reports itself; often empty
}

// Registered lists the replicas that are connected; readable is false where the account may not ask for them.
func (s *Source) Registered(ctx context.Context) (list []Registered, readable bool, err error) {
	err = s.ask(ctx, "listing the server's replicas", func(c *conn) error {
		sql := "SHOW REPLICAS"
		if c.flavor == cdc.MariaDB || !c.version.atLeast(8, 1) { // before 8.0.22 the other name is not known
			sql = "SHOW SLAVE HOSTS"
		}
		list, readable = nil, true
		err := c.query(sql, func(row []string) error {
			id, err := strconv.ParseUint(row[0], 10, 32)
			list = append(list, Registered{uint32(id), row[1]})
			return err
		})
		var answer *gomysql.MyError
		if errors.As(err, &answer) && answer.Code == gomysql.ER_SPECIFIC_ACCESS_DENIED_ERROR {
			readable = false
			return nil
		}
		return err
	})
	return list, readable, err
}

// ServerID is the id with which the binlog is read, until another reader comes with it.
func (s *Source) ServerID() uint32 { return s.serverID.Load() }

// chooseServerID draws anew before the first stream while a replica has the id. Later ones keep theirs, so that the
// server ends what it still holds of a connection that was lost.
func (s *Source) chooseServerID(ctx context.Context) error {
	if s.chosen.Load() {
		return nil
	}
	list, _, err := s.Registered(ctx)
	if err != nil {
		return err
	}
	taken := map[uint32]bool{}
	for _, r := range list {
		taken[r.ID] = true
	}
	for taken[s.serverID.Load()] {
		s.serverID.Store(randomServerID())
	}
	s.chosen.Store(true)
	return nil
}

// yield draws another id after a clash, so that the next stream does not end the other reader in its turn.
func (s *Source) yield(err error) {
	if task.Code(err) == sameServerID.code {
		s.serverID.Store(randomServerID())
	}
}

// randomServerID keeps out of the range that people give to their replicas.
func randomServerID() uint32 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint32(b[:]) | 1<<31
}
