package mysql

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestTimedLine: a server that is silent while something is read is lost; one that waits for a busy reader is not.
func TestTimedLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, server := net.Pipe()
		defer ours.Close()
		defer server.Close()
		line, b := timedLine{ours}, make([]byte, 1)
		write := func(after time.Duration) {
			go func() {
				time.Sleep(after)
				_, _ = server.Write(b)
			}()
		}
		write(streamTimeout - 1)
		if _, err := line.Read(b); err != nil {
			t.Fatal("in time:", err)
		}
		write(0)
		time.Sleep(2 * streamTimeout)
		if _, err := line.Read(b); err != nil {
			t.Fatal("after the reader was busy:", err)
		}
		began := time.Now()
		if _, err := line.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != streamTimeout {
			t.Fatalf("silent: %v after %s", err, time.Since(began))
		}
	})
}
