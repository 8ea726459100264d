package mariadb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
)

// User is the account that may do everything, from this machine only.
const User = "root"

// How long a start and an orderly stop may take on a busy machine.
const (
	startWait = 2 * time.Minute
	stopWait  = 30 * time.Second
)

// Server is a running MariaDB.
type Server struct {
	Addr string

	password string
	log      string
	cmd      *exec.Cmd
	done     chan struct{} // closed when the process has ended
}

// Start runs the program on the data in dir, which it makes where there are none, and returns when it answers.
func (p *Program) Start(ctx context.Context, dir string, port int, password string) (*Server, error) {
	dir, err := filepath.Abs(dir) // the server leaves the folder that it is started in
	if err != nil {
		return nil, err
	}
	if err := p.prepare(ctx, dir, password); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), password: password, log: log.Name(), done: make(chan struct{})}
	s.cmd = p.command(context.WithoutCancel(ctx), append(p.options(dir, "data"), "--port="+strconv.Itoa(port))...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, log, log
	if err := spawn(s.cmd); err != nil {
		return nil, fmt.Errorf("starting MariaDB: %w", err)
	}
	go func() { _ = s.cmd.Wait(); close(s.done) }()
	if err := s.ready(ctx); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for {
		c, err := s.Connect("")
		if err == nil {
			return c.Close()
		}
		select {
		case <-s.done:
			return fmt.Errorf("MariaDB ended while it started (%v):\n%s", s.cmd.ProcessState, s.LogTail())
		case <-ctx.Done():
			return fmt.Errorf("MariaDB does not answer: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Connect gives a connection as [User].
func (s *Server) Connect(db string) (*client.Conn, error) {
	return client.ConnectWithTimeout(s.Addr, User, s.password, db, 10*time.Second)
}

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// LogTail gives the end of the server's log.
func (s *Server) LogTail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return lastLines(text, 15)
}

// Stop ends the server in order, and by force where that takes too long.
func (s *Server) Stop() error {
	if err := terminate(s.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping MariaDB: %w", err)
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(stopWait):
		s.kill()
		return fmt.Errorf("MariaDB did not stop within %v and was killed; it repairs itself at the next start", stopWait)
	}
}

func (s *Server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.done
}
