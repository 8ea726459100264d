package mysql

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
)

// Some questions only the binlog itself answers. They are asked by a dump of their own that ends with the answer.

// errSeen ends a dump that has answered.
var errSeen = errors.New("what was asked for is known")

// peek reads a file from an offset on until the handler has seen enough. Before the account is let in, errors are told
// as those of a connection; after that the server's and the library's come as they are.
func (s *Source) peek(ctx context.Context, file string, offset uint32, h replication.EventHandler) (err error) {
	var line heldLine
	var in atomic.Bool // the sign-in is behind
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: randomServerID(), Flavor: string(s.server.Flavor), Charset: "utf8mb4",
		Host: s.spec.Host, Port: uint16(port(s.spec)), User: s.spec.User, Password: s.spec.Password.Reveal(),
		TLSConfig: s.dialer.tls, Dialer: line.dial, Logger: slog.New(slog.DiscardHandler),
		HeartbeatPeriod: heartbeat, DisableRetrySync: true, EventCacheCount: 1, VerifyChecksum: true, PayloadDecoderConcurrency: 1,
		Option: func(cc *client.Conn) error {
			in.Store(true)
			return s.prepare(&conn{Conn: cc})
		},
		SynchronousEventHandler: h,
	})
	defer syncer.Close()
	defer line.cut()
	stop := context.AfterFunc(ctx, line.cut)
	defer stop()
	streamer, err := syncer.StartSync(gomysql.Position{Name: file, Pos: offset})
	if err == nil {
		_, err = streamer.GetEvent(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case in.Load() || err == nil:
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
	err := s.peek(ctx, file, cdc.FirstEvent, &headReader{flavor: s.server.Flavor, head: &h})
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
	flavor cdc.Flavor
	head   *fileHead
}

func (r *headReader) HandleEvent(e *replication.BinlogEvent) error {
	var text string
	switch v := e.Event.(type) {
	case *replication.FormatDescriptionEvent:
		r.head.begun = int64(e.Header.Timestamp)
		return nil
	case *replication.PreviousGTIDsEvent:
		text = v.GTIDSets
	case *replication.MariadbGTIDListEvent:
		parts := make([]string, len(v.GTIDs))
		for i, g := range v.GTIDs {
			parts[i] = g.String()
		}
		text = strings.Join(parts, ",")
	default:
		return nil
	}
	var err error
	if r.head.set, err = cdc.ParseGTIDSet(r.flavor, text); err != nil {
		return err
	}
	r.head.known = true
	return errSeen
}
