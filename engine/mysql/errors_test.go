package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/task"
)

// TestClassify: what the network did may pass, what can't be read will not.
func TestClassify(t *testing.T) {
	t.Parallel()
	s := &Source{}
	encrypted := &Source{spec: task.Source{TLS: task.TLS{Mode: "require"}}}
	dump := &stream{source: s}
	bad := fmt.Errorf("io.ReadFull(header) failed: %w", gomysql.ErrBadConn)
	plain := errors.New("anything else")
	for _, c := range []struct {
		name  string
		err   error
		by    func(error) error
		code  string
		retry bool
	}{
		{"a lost line", bad, s.classify, "source.connection_lost", true},
		{"a lost line, encrypted", bad, encrypted.classify, "source.connection_lost", true},
		{"an end", io.ErrUnexpectedEOF, s.classify, "source.connection_lost", true},
		{"a reset", &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, s.classify, "source.connection_lost", true},
		{"a refused port", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, s.classifyDial, "source.refused", true},
		{"no answer", fmt.Errorf("reading: %w", os.ErrDeadlineExceeded), s.classify, "source.timeout", true},
		{"a value that can't be read", &undecodable{fmt.Errorf("column a of s.t: %w", errors.New("label 7 of 3"))}, s.classify, "source.unreadable", false},
		{"a value that can't be read, encrypted", &undecodable{plain}, encrypted.classify, "source.unreadable", false},
		{"a packet that can't be read", fmt.Errorf("reading: %w", gomysql.ErrMalformPacket), s.classify, "source.unreadable", false},
		{"a sequence number that was not expected", plain, s.classify, "source.connection_lost", true},
		{"no TLS at the server", plain, encrypted.classifyDial, "source.tls_unavailable", false},
		{"a lost line in the handshake", bad, encrypted.classifyDial, "source.connection_lost", true},
		{"an event that can't be read", plain, dump.classify, "source.unreadable", false},
		{"a dump that ended", io.EOF, dump.classify, "source.connection_lost", true},
		{"a dump that was lost", bad, dump.classify, "source.connection_lost", true},
		{"a dump that did not start", plain, dump.classifyStart, "source.connection_lost", true},
		{"the server's answer", &gomysql.MyError{Code: 1146}, s.classify, "source.table_missing", false},
		{"a wrong password", &gomysql.MyError{Code: 1045}, s.classifyDial, "source.access_denied", false},
		{"the same answer to who has signed in", &gomysql.MyError{Code: 1045}, s.classify, "source.privilege_missing", false},
		{"an answer without an entry", &gomysql.MyError{Code: 9999}, s.classify, "source.query", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.by(c.err)
			if task.Code(err) != c.code || task.Retryable(err) != c.retry {
				t.Errorf("%v, retry %v", err, task.Retryable(err))
			}
		})
	}
	if err := s.classify(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
