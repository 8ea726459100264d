package mysql

import (
	"context"
	"errors"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
)

// Some questions only the binlog itself answers. They are asked by a dump of their own that ends with the answer.

// errSeen ends a dump that has answered.
var errSeen = errors.New("what was asked for is known")

// peek reads a file from an offset on until take has seen enough. Before the account is let in, errors are told as those
// of a connection; after that they come as they are.
func (s *Source) peek(ctx context.Context, file string, offset uint32, take func(raw []byte) error) (err error) {
	var line heldLine
	in := false // the sign-in is behind
	defer line.cut()
	stop := context.AfterFunc(ctx, line.cut)
	defer stop()
	d, err := s.openDump(ctx, &line, randomServerID(), func(cc *client.Conn) error {
		in = true
		return s.prepare(&conn{Conn: cc})
	})
	if err == nil {
		err = d.startAt(file, offset)
	}
	if err == nil {
		err = d.each(take, nil)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case in:
		return err
	}
	return s.explain(err, lost)
}

// fileHead is what the first events of a binlog file tell.
type fileHead struct {
	begun int64       // seconds since 1970
	set   cdc.GTIDSet // the transactions of all earlier files
	known bool
}

// head reads the first events of a file.
func (s *Source) head(ctx context.Context, file string) (fileHead, error) {
	var h fileHead
	err := s.peek(ctx, file, cdc.FirstEvent, (&headReader{flavor: s.server.Flavor, head: &h}).take)
	if h.known && ctx.Err() == nil {
		return h, nil
	}
	return h, s.classify(err)
}

// begun gives when the file of a position was begun, seconds since 1970.
func (s *Source) begun(ctx context.Context, at cdc.Position) (int64, error) {
	name, err := s.fileOf(ctx, at)
	if err != nil {
		return 0, err
	}
	h, err := s.head(ctx, name)
	return h.begun, err
}

// headReader stops the dump once it knows the head.
type headReader struct {
	flavor   cdc.Flavor
	head     *fileHead
	checksum int
}

func (r *headReader) take(raw []byte) error {
	var h replication.EventHeader
	if err := readHead(&h, raw); err != nil {
		return err
	}
	body := raw[replication.EventHeaderSize:]
	body = body[:max(len(body)-r.checksum, 0)]
	var text string
	var err error
	switch h.EventType {
	case replication.FORMAT_DESCRIPTION_EVENT:
		r.head.begun = int64(h.Timestamp)
		r.checksum, err = checksumOf(raw)
		return err
	case replication.PREVIOUS_GTIDS_EVENT:
		var v replication.PreviousGTIDsEvent
		err = decode(&v, body)
		text = v.GTIDSets
	case replication.MARIADB_GTID_LIST_EVENT:
		var v replication.MariadbGTIDListEvent
		err = decode(&v, body)
		parts := make([]string, len(v.GTIDs))
		for i, g := range v.GTIDs {
			parts[i] = g.String()
		}
		text = strings.Join(parts, ",")
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if r.head.set, err = cdc.ParseGTIDSet(r.flavor, text); err != nil {
		return err
	}
	r.head.known = true
	return errSeen
}

// decode has the library read an event, which goes beyond the end of one that is cut off.
func decode(e replication.Event, body []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errShortEvent
		}
	}()
	return e.Decode(body)
}
