package mysql

import (
	"cmp"
	"context"
	"net"
	"sync"
	"sync/atomic"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/spool"
	"sluice/engine/task"
)

// Options are what a person does not type. The zero value works.
type Options struct {
	// ServerID is this reader's first id among the source's replicas; 0 draws one from 2^31 to 2^32-1.
	ServerID uint32
	// Unchecked leaves Check to the caller: the precheck tells all that is wrong, not the first.
	Unchecked bool
	// Spool keeps what streams receive on disk; nil is none. Flavor and Owner are completed by the server's.
	Spool *spool.Options
	// Dialed is called when the port answers, Encrypted when the TLS handshake is over. Both may be nil.
	Dialed    func(local net.Addr)
	Encrypted func()
}

// Source is a MySQL or MariaDB server. Its methods may be called at the same time.
type Source struct {
	spec    task.Source
	options Options
	dialer  *dialer
	server  engine.Server
	version version

	serverID atomic.Uint32
	chosen   atomic.Bool // whether the id was held against those of other replicas

	asking  sync.Mutex // held for the length of a question
	control *conn      // for everything but views and streams; nil until needed again

	mu       sync.Mutex
	idle     []*conn      // for the next views
	log      *spool.Log   // of the newest stream
	low      cdc.Position // no transaction of the next one begins before it
	opening  opening      // of the first one
	closed   bool
	recalled map[cdc.TableID]recalled // definitions that were read, see describe.go

	loading    sync.Mutex
	collations map[uint64]collation
	pads       map[string][]byte
}

var _ engine.Source = (*Source)(nil)

// Open connects, learns which server it is and refuses what is not supported. Close frees it.
func Open(ctx context.Context, spec task.Source, options Options) (*Source, error) {
	s := &Source{spec: spec, options: options}
	s.serverID.Store(cmp.Or(options.ServerID, randomServerID()))
	d, err := newDialer(spec)
	if err != nil {
		return nil, err
	}
	s.dialer = d
	traceTLS(d.tls, options.Encrypted)
	c, err := s.dial(ctx, readTimeout)
	if err != nil {
		return nil, err
	}
	s.control = c
	if options.Unchecked {
		return s, nil
	}
	if err := s.Check(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends all connections but those of open views and streams, which their owners close.
func (s *Source) Close() error {
	s.asking.Lock()
	defer s.asking.Unlock()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.hangUp()
	return nil
}

// Server identifies the server; it asks it, so that an answer proves the connection. Another one than before, as after
// a failover, is checked as the first was and taken.
func (s *Source) Server(ctx context.Context) (engine.Server, error) {
	ask := func() error {
		return s.ask(ctx, "identifying the source", func(c *conn) error { return c.query("SELECT 1", nil) })
	}
	err := ask()
	if task.Code(err) != otherServer {
		return s.server, err
	}
	before, version := s.server, s.version
	s.forget()
	if err = ask(); err == nil && !s.options.Unchecked {
		if err = s.Check(ctx); err == nil {
			err = s.checkStrict(ctx)
		}
	}
	if err != nil {
		s.forget()
		s.server, s.version = before, version
		return engine.Server{}, err
	}
	return s.server, nil
}

// forget ends the idle connections and lets the next one tell which server it is. Another may have other collations.
func (s *Source) forget() {
	s.asking.Lock()
	defer s.asking.Unlock()
	s.hangUp()
	s.mu.Lock()
	s.low, s.opening, s.recalled = cdc.Position{}, opening{}, nil
	s.mu.Unlock()
	s.server = engine.Server{}
	s.chosen.Store(false)
	s.loading.Lock()
	defer s.loading.Unlock()
	s.collations, s.pads = nil, nil
}

// hangUp ends all connections that nobody holds.
func (s *Source) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.control != nil {
		s.control.Close()
		s.control = nil
	}
	for _, c := range s.idle {
		c.Close()
	}
	s.idle = nil
}

// End reads the end of the binlog: everything flushed so far.
func (s *Source) End(ctx context.Context) (cdc.Position, error) {
	var end cdc.Position
	err := s.ask(ctx, "reading where the binlog ends", func(c *conn) error {
		var err error
		end, err = c.end()
		return err
	})
	return end, err
}

// Executed gives gtid_executed on MySQL, without GTID what lies before the current file, and nil on MariaDB, whose views
// say themselves what they show.
func (s *Source) Executed(ctx context.Context, like cdc.GTIDSet) (cdc.GTIDSet, error) {
	if s.server.Flavor == cdc.MariaDB {
		return nil, nil
	}
	var set cdc.GTIDSet
	err := s.ask(ctx, "reading what is committed", func(c *conn) error {
		var err error
		if _, byFile := like.(*cdc.Upto); byFile {
			var end cdc.Position
			end, err = c.end()
			set = beforeFile(end.File)
			return err
		}
		set, err = c.executed()
		return err
	})
	return set, err
}

// Missing names the first transaction of the sets that the server does not have.
func (s *Source) Missing(ctx context.Context, sets []cdc.GTIDSet) (string, error) {
	sql := "SELECT @@GLOBAL.gtid_executed"
	if s.server.Flavor == cdc.MariaDB {
		sql = "SELECT @@GLOBAL.gtid_binlog_state"
	}
	missing := ""
	err := s.ask(ctx, "comparing the source with what was sent", func(c *conn) error {
		return c.query(sql, func(row []string) error {
			for _, set := range sets {
				var err error
				if missing, err = cdc.Missing(s.server.Flavor, row[0], set); missing != "" || err != nil {
					return err
				}
			}
			return nil
		})
	})
	return missing, err
}

// ask runs a question on the control connection, which it opens again where it was lost: a lost idle connection is
// no news, so the question is put twice before its error counts.
func (s *Source) ask(ctx context.Context, op string, question func(*conn) error) error {
	s.asking.Lock()
	defer s.asking.Unlock()
	for again := s.control != nil; ; again = false {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.control == nil {
			c, err := s.dial(ctx, readTimeout)
			if err != nil {
				return withOp(op, err)
			}
			s.control = c
		}
		release := s.control.watch(ctx)
		err := question(s.control)
		release()
		if err == nil {
			return nil
		}
		if s.control.broken {
			s.control.Close()
			s.control = nil
			if again && ctx.Err() == nil {
				continue
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return withOp(op, s.classify(err))
	}
}
