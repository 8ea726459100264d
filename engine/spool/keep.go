package spool

import (
	"errors"
	"os"
	"strings"
	"time"

	"sluice/engine/cdc"
)

// toldEvery keeps a limit that is met again and again from filling the history.
const toldEvery = 10 * time.Minute

// Keep says what a restart may ask for: everything from low on, and from oldest on as long as there is room.
func (l *Log) Keep(low, oldest cdc.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.low, l.oldest = low.Start(), oldest.Start()
	if l.recording && !l.closed {
		l.fail(l.drop(l.below(l.oldest)))
	}
	l.changed.Broadcast()
}

// below counts the segments that lie before the point, less those that the reader still needs.
func (l *Log) below(at cdc.Position) int {
	n := 0
	for n+1 < len(l.segments) && !at.Before(l.segments[n+1].start.At) {
		if l.behind && l.segments[n].number >= l.reader.seg.number {
			break
		}
		n++
	}
	return n
}

// drop removes the oldest segments.
func (l *Log) drop(n int) error {
	var errs []error
	for _, s := range l.segments[:n] {
		s.gone = true
		l.bytes -= s.size
		if s.out != nil {
			errs = append(errs, s.out.Close())
			s.out = nil
		}
		errs = append(errs, os.Remove(s.path))
	}
	if l.segments = append(l.segments[:0:0], l.segments[n:]...); len(l.segments) == 0 {
		l.buf = l.buf[:0]
	}
	return failure("removing files of the spool", errors.Join(errs...))
}

// fits reports whether the files take size bytes more, if need be without what lies below the low bound.
func (l *Log) fits(size int) bool {
	roomy := func() bool {
		if l.bytes+int64(size) > l.o.Limit {
			return false
		}
		if n := len(l.segments); n > 0 && !l.segments[n-1].whole {
			return true
		}
		left, err := l.o.Free(l.o.Dir)
		return err != nil || left >= l.o.Reserve+l.o.Segment
	}
	for !roomy() {
		if l.below(l.low) == 0 {
			return false
		}
		l.fail(l.drop(1))
	}
	return true
}

// halt ends the files here: what follows is not recorded. It says whether a person is to be told.
func (l *Log) halt() (tell bool, err error) {
	l.recording = false
	if now := time.Now(); l.told.IsZero() || now.Sub(l.told) > toldEvery {
		l.told, tell = now, true
	}
	if len(l.segments) == 0 {
		return tell, nil
	}
	return tell, l.finish(l.segments[len(l.segments)-1])
}

// again records anew, between two transactions, once no restart asks for what the files hold.
func (l *Log) again() error {
	if l.low.Before(l.end) {
		return nil
	}
	if err := l.drop(len(l.segments)); err != nil {
		return err
	}
	l.recording = l.fits(0)
	return nil
}

// fail ends the log with an error of the disk.
func (l *Log) fail(err error) {
	if err != nil && !l.ended {
		l.ended, l.cause = true, err
		l.changed.Broadcast()
	}
}

// sync writes what is buffered, and makes segments durable in their order, some time after they were written: those that
// the low bound passes before that never cost a write to the disk. It rests while nothing is recorded.
func (l *Log) sync() {
	defer close(l.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	synced := time.Now()
	for {
		select {
		case <-l.wake:
			synced = time.Now()
			tick.Reset(flushEvery)
		case <-tick.C:
			var err error
			if now := time.Now(); now.Sub(synced) >= syncEvery {
				l.mu.Lock()
				l.fresh = false
				l.mu.Unlock()
				err, synced = l.syncAll(), now
			}
			l.mu.Lock()
			if l.fail(errors.Join(err, l.flush())); !l.fresh {
				tick.Stop()
			}
			l.mu.Unlock()
		case <-l.stop:
			l.mu.Lock()
			for _, s := range l.segments {
				if s.out != nil {
					_ = s.out.Close() // the next process reads what is there
					s.out = nil
				}
			}
			l.mu.Unlock()
			return
		}
	}
}

func (l *Log) syncAll() error {
	l.mu.Lock()
	if err := l.flush(); err != nil {
		l.mu.Unlock()
		return err
	}
	var open []*segment
	for _, s := range l.segments {
		if s.out != nil {
			open = append(open, s)
		}
	}
	l.mu.Unlock()
	for _, s := range open {
		if err := l.syncOne(s); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) syncOne(s *segment) error {
	l.mu.Lock()
	whole, out := s.whole, s.out
	l.mu.Unlock()
	if out == nil {
		return nil // dropped meanwhile
	}
	err := out.Sync()
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.gone {
		return nil
	}
	if err != nil {
		return failure("syncing the spool", err)
	}
	if !whole {
		return nil
	}
	s.out = nil
	path := strings.TrimSuffix(s.path, fresh) + sealed
	if err := errors.Join(out.Close(), os.Rename(s.path, path)); err != nil {
		return failure("sealing a file of the spool", err)
	}
	s.path = path
	return nil
}

// Held is what the files hold.
type Held struct {
	Bytes, Limit int64
	Full         bool         // it does not record: the limit is met
	Needs        cdc.Position // from here on the source has to keep its log
}

// Held says what the files hold, for a task whose low bound is given.
func (l *Log) Held(low cdc.Position) Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail(l.flush()) // what a killed process would have
	h := Held{Bytes: l.bytes, Limit: l.o.Limit, Full: !l.recording, Needs: l.now.At}
	if !l.recording {
		if h.Needs = l.end; h.Needs.Before(low) {
			h.Needs = low
		}
	}
	return h
}
