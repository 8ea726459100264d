package spool

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Options of a log. Dir, Owner, Flavor and Limit must be given.
type Options struct {
	Dir    string
	Owner  string // the task and the server: files of another owner are discarded
	Flavor cdc.Flavor
	Limit  int64 // bytes of all files
	// Reserve is how much of the disk is left to others: with less, the log is as full.
	Reserve int64
	Segment int64 // bytes at which a file ends; 0 is the default
	Memory  int   // bytes that wait in memory; 0 is the default
	// Patience is how long the receiver waits for the reader to take what waits in memory before it sends it to the files;
	// 0 is the default, negative is not at all.
	Patience time.Duration
	Free     func(dir string) (int64, error) // bytes free on the disk; nil is the system's answer
	Tell     func(Notice)                    // what a person should know; may be nil
	// Holds reports whether the source still has what is kept up to the mark: if it does not, what is kept is of no
	// use. It may be nil.
	Holds func(Mark) (bool, error)
}

const (
	segmentBytes = 64 << 20
	memoryBytes  = 4 << 20
	bufferBytes  = 256 << 10
	entryBytes   = 128 // what an entry costs in memory beside its bytes
	flushEvery   = 100 * time.Millisecond
	syncEvery    = 5 * time.Second
	// patience: a reader that takes the memory's bytes ten times a second is not far behind, and reading them from the
	// files would only take time from it.
	patience = 100 * time.Millisecond
)

// Notice is told to a person, by a code.
type Notice struct {
	Code   string
	Params []string
}

// ErrClosed is given after Close.
var ErrClosed = errors.New("the spool is closed")

// Log is a spool that is open. Put, Next, Keep and Held may be called from a goroutine each.
type Log struct {
	o Options

	mu      sync.Mutex
	changed *sync.Cond

	segments  []*segment   // oldest first
	buf       []byte       // of the last segment, not written yet
	recording bool         // false: the files end before what is received
	now       Mark         // where the receiver stands
	open      []string     // tids of the transaction that is being received
	end       cdc.Position // where the files end, at a whole transaction
	bytes     int64        // of all files, with what is buffered
	number    int64        // of the newest segment
	low       cdc.Position
	oldest    cdc.Position
	told      time.Time // when a person was last told that it is full; zero: it is not

	tail      []Entry // what waits in memory for the reader
	given     []Entry // what the reader has of it, whose room is the next tail's
	tailBytes int
	behind    bool // after the tail the reader goes on in the files
	reader    reader
	jump      *cdc.Position // the reader caught up by passing over what is not asked for, up to here

	fresh bool          // something was recorded since the newest sync
	wake  chan struct{} // says so

	closed bool
	ended  bool // nothing more is received
	cause  error
	stop   chan struct{}
	done   chan struct{}
}

// Open reads what is in the folder and makes it ready to be gone on with after the given set of transactions: Next
// gives what is kept of what follows, and the receiver goes on after Join. What does not serve for that is discarded.
func Open(o Options, after cdc.GTIDSet) (*Log, error) {
	if o.Segment == 0 {
		o.Segment = max(min(segmentBytes, o.Limit/8), 64<<10)
	}
	if o.Memory == 0 {
		o.Memory = memoryBytes
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	if o.Free == nil {
		o.Free = free
	}
	if o.Tell == nil {
		o.Tell = func(Notice) {}
	}
	l := &Log{o: o, recording: true, fresh: true, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	l.changed = sync.NewCond(&l.mu)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, failure("making the folder of the spool", err)
	}
	if err := l.recover(); err != nil {
		return nil, failure("reading the spool", err)
	}
	if err := l.begin(after); err != nil {
		return nil, failure("reading the spool", err)
	}
	go l.sync()
	return l, nil
}

// failure is an error of the disk.
func failure(op string, err error) error {
	var known *task.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &task.Error{Code: "data.disk_full", Op: op, Text: "The disk that holds the data folder is full.", Retry: true,
			Hint: "Free space on it; the task then goes on from where it stopped.", Err: err}
	}
	return &task.Error{Code: "data.spool", Op: op, Text: "the spool of the binlog cannot be read or written",
		Hint: "Look at the disk of the data folder and at the rights to it, or set spool: 0 in the task file.", Err: err}
}

// Join is where the receiver goes on: after these transactions. Entries up to the position are here already.
func (l *Log) Join() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now.clone()
}

// Put takes the next entry. It waits while the reader has to catch up before there is room.
func (l *Log) Put(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Passing {
		l.pass(e)
		return l.state()
	}
	l.wait(&e)
	if err := l.admit(e.size()); err != nil {
		return err
	}
	if l.recording {
		if err := l.append(&e); err != nil {
			return err
		}
	}
	if !l.behind {
		l.give(e)
	}
	return l.passed(&e)
}

func (l *Log) state() error {
	if l.closed || l.ended {
		return ErrClosed
	}
	return nil
}

// crowded reports whether the reader has to take something before the entry may wait in memory.
func (l *Log) crowded(e *Entry) bool {
	return !l.behind && l.tailBytes > 0 && l.tailBytes+len(e.Raw) > l.o.Memory
}

// wait gives a reader in memory a moment to make room.
func (l *Log) wait(e *Entry) {
	if !l.crowded(e) || l.o.Patience < 0 {
		return
	}
	over := false
	t := time.AfterFunc(l.o.Patience, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		over = true
		l.changed.Broadcast()
	})
	defer t.Stop()
	l.changed.Broadcast() // it may not know what waits
	for l.crowded(e) && !over && l.state() == nil {
		l.changed.Wait()
	}
}

// admit makes room for an entry: in the files as long as they record, else in memory.
func (l *Log) admit(size int) error {
	for {
		switch {
		case l.state() != nil:
			return l.state()
		case l.recording:
			if l.fits(size) {
				return nil
			}
			if !l.behind { // the reader has all that the files hold: it gets the rest from memory alone
				tell, err := l.halt()
				if tell { // it may take its time
					l.mu.Unlock()
					l.o.Tell(Notice{Code: "spool.full", Params: []string{strconv.FormatInt(l.o.Limit>>20, 10)}})
					l.mu.Lock()
				}
				if err != nil {
					return err
				}
				continue
			}
		case !l.behind && (l.tailBytes == 0 || l.tailBytes+size <= l.o.Memory):
			return nil
		}
		l.changed.Broadcast()
		l.changed.Wait()
	}
}

// give hands the entry to the reader in memory, who is woken by Offer.
func (l *Log) give(e Entry) {
	e.From, l.jump = l.jump, nil
	l.tail = append(l.tail, e)
	l.tailBytes += len(e.Raw) + entryBytes
}

// pass hands over what says no more than how far the source's log was read. The newest that waits is enough.
func (l *Log) pass(e Entry) {
	last := len(l.tail) - 1
	switch {
	case l.behind: // in the files; the next one may find the reader here again
	case last >= 0 && l.tail[last].Passing:
		e.From = l.tail[last].From
		l.tail[last] = e
	default:
		l.give(e)
	}
}

// Offer lets a reader that waits have what was put. The receiver says so before it waits for more: events come many at
// a time, and to wake the reader for each costs more than to read it.
func (l *Log) Offer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tail) > 0 {
		l.changed.Broadcast()
	}
}

// append writes the entry's record. A reader that is too far behind is sent to the file.
func (l *Log) append(e *Entry) error {
	if !l.fresh {
		l.fresh = true
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	if len(l.segments) == 0 || l.segments[len(l.segments)-1].whole {
		if err := l.roll(); err != nil {
			return err
		}
	}
	s := l.segments[len(l.segments)-1]
	if l.crowded(e) {
		l.behind = true
		l.reader.seek(s, s.size)
		l.changed.Broadcast()
	}
	if e.End.File != l.now.At.File { // the source may now purge the file before: a killed process must have it
		if err := l.flush(); err != nil {
			return err
		}
	}
	if e.size() > bufferBytes { // it may be of hundreds of megabytes: it is not copied
		return l.direct(s, e)
	}
	l.buf = e.record(l.buf)
	s.size += int64(e.size())
	l.bytes += int64(e.size())
	if len(l.buf) >= bufferBytes {
		return l.flush()
	}
	return nil
}

// direct writes an entry without the buffer.
func (l *Log) direct(s *segment, e *Entry) error {
	if err := l.flush(); err != nil {
		return err
	}
	if _, err := s.out.Write(e.head(nil)); err != nil {
		return failure("writing the spool", err)
	}
	if _, err := s.out.Write(e.Raw); err != nil {
		return failure("writing the spool", err)
	}
	s.size += int64(e.size())
	l.bytes += int64(e.size())
	return nil
}

// passed moves the receiver's mark, and the files' where the transaction is whole.
func (l *Log) passed(e *Entry) error {
	l.now.see(e)
	if e.TID != "" {
		l.open = append(l.open, e.TID)
	}
	if !e.Whole {
		return nil
	}
	for _, tid := range l.open {
		if err := l.now.Set.Add(tid); err != nil {
			return err
		}
	}
	l.open = l.open[:0]
	if !l.recording {
		return l.again()
	}
	l.end = l.now.At
	if s := l.segments[len(l.segments)-1]; s.size >= l.o.Segment {
		return l.finish(s)
	}
	return nil
}

// roll begins a segment. It must be between two transactions.
func (l *Log) roll() error {
	l.number++
	s, err := create(l.o.Dir, l.o.Owner, l.number, l.now)
	if err != nil {
		return failure("making a file of the spool", err)
	}
	l.segments = append(l.segments, s)
	l.bytes += s.size
	return nil
}

func (l *Log) flush() error {
	if len(l.buf) == 0 || len(l.segments) == 0 {
		return nil
	}
	_, err := l.segments[len(l.segments)-1].out.Write(l.buf)
	l.buf = l.buf[:0]
	return failure("writing the spool", err)
}

// finish ends the segment; the disk follows by itself.
func (l *Log) finish(s *segment) error {
	s.whole = true
	return l.flush()
}

// End says that nothing more is received, and why. A reader that has to catch up is not waited for: it begins again
// where it stands.
func (l *Log) End(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended, l.cause = true, cause
	}
	l.changed.Broadcast()
}

// Close ends both sides; the files stay. Twice is fine.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return nil
	}
	l.closed = true
	l.changed.Broadcast()
	close(l.stop)
	err := l.flush()
	l.mu.Unlock()
	<-l.done
	return err
}
