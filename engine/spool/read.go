package spool

import (
	"bufio"
	"errors"
	"io"
	"os"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// reader is where Next stands in the files.
type reader struct {
	seg   *segment
	off   int64
	first bool        // nothing was read since the jump
	skip  cdc.GTIDSet // transactions that are not asked for; nil: none
	over  bool        // such a one is being passed over
	from  *cdc.Position

	in    *os.File
	buf   *bufio.Reader
	limit int64 // what buf reads up to

	memory blocks
	batch  []Entry // the newest that was given, whose room is the next one's
}

const (
	readBuffer = 256 << 10
	readBatch  = 256 << 10
)

// seek goes on at a record, whose predecessors the reader had from memory.
func (r *reader) seek(s *segment, off int64) {
	r.close()
	r.seg, r.off = s, off
}

// jump goes to the beginning of a segment.
func (r *reader) jump(s *segment) {
	r.seek(s, s.head)
	r.first = true
}

func (r *reader) close() {
	if r.in != nil {
		r.in.Close()
	}
	r.in, r.limit = nil, 0
}

// Next waits for entries and gives those that are there, at least one; the slice is the caller's until the next call. At
// the end it gives what End was told, io.EOF for nil.
func (l *Log) Next() ([]Entry, error) {
	for {
		tail, err := l.await()
		if err != nil || tail != nil {
			return tail, err
		}
		batch, err := l.reader.read()
		if err != nil {
			return nil, l.damaged(err)
		}
		if len(batch) > 0 {
			return batch, nil
		}
	}
}

// await gives what waits in memory; nothing once there is something to read in the reader's file.
func (l *Log) await() (tail []Entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.closed:
			l.reader.close()
			return nil, ErrClosed
		case len(l.tail) > 0:
			clear(l.given) // what they hold may go now
			tail, l.tail, l.tailBytes = l.tail, l.given[:0], 0
			l.given = tail
			l.changed.Broadcast()
			return tail, nil
		case l.ended && (l.cause != nil || !l.behind):
			if l.cause != nil {
				return nil, l.cause
			}
			return nil, io.EOF
		case l.behind:
			more, err := l.forward()
			if err == nil && more {
				err = failure("reading the spool", l.reader.open(l.written(l.reader.seg)))
			}
			if err != nil || more {
				return nil, err
			}
		default:
			l.changed.Wait()
		}
	}
}

// forward goes to where there is something to read. If there is nothing, the reader has caught up.
func (l *Log) forward() (more bool, err error) {
	r := &l.reader
	for r.off >= l.written(r.seg) {
		if r.off < r.seg.size {
			return true, l.flush()
		}
		next := l.after(r.seg)
		if next == nil {
			l.behind = false
			l.jump, r.from = r.from, nil
			r.close()
			l.changed.Broadcast()
			return false, nil
		}
		r.seek(next, next.head)
	}
	return true, nil
}

// written is how much of the segment is in its file.
func (l *Log) written(s *segment) int64 {
	if s == l.segments[len(l.segments)-1] {
		return s.size - int64(len(l.buf))
	}
	return s.size
}

func (l *Log) after(s *segment) *segment {
	for _, next := range l.segments {
		if next.number > s.number {
			return next
		}
	}
	return nil
}

// read gives the next entries of the file, less those that are not asked for.
func (r *reader) read() ([]Entry, error) {
	clear(r.batch)
	batch := r.batch[:0]
	if r.first {
		r.first = false
		at := r.seg.start.At
		r.from = &at
		if f := r.seg.start.Format; f != nil {
			batch = append(batch, Entry{Raw: f, End: at, Whole: true, Format: true, From: &at})
		}
	}
	for size := 0; r.off < r.limit && size < readBatch; {
		e, err := readRecord(r.buf, r.limit-r.off, &r.memory)
		if err != nil {
			return nil, err
		}
		r.off += int64(e.size())
		size += e.size()
		if r.passes(&e) {
			batch = append(batch, e)
		}
	}
	r.batch = batch
	return batch, nil
}

// open makes the file readable up to limit, of which something is not read yet.
func (r *reader) open(limit int64) error {
	if r.off < r.limit {
		return nil
	}
	if r.in == nil {
		var err error
		if r.in, err = os.Open(r.seg.path); err != nil {
			return err
		}
	}
	if r.buf == nil {
		r.buf = bufio.NewReaderSize(nil, readBuffer)
	}
	r.limit = limit
	r.buf.Reset(io.NewSectionReader(r.in, r.off, limit-r.off))
	return nil
}

// passes reports whether the entry is asked for, and says on it where the reader came from.
func (r *reader) passes(e *Entry) bool {
	if r.skip != nil && e.TID != "" && r.skip.Contains(e.TID) {
		r.over = true
	}
	if r.over {
		r.over = !e.Whole
		end := e.End
		r.from = &end
		return false
	}
	e.From, r.from = r.from, nil
	return true
}

// damaged is an error of a file that was whole when it was written. It is removed: the next try asks the source.
func (l *Log) damaged(err error) error {
	if !errors.Is(err, errTorn) && !errors.Is(err, io.EOF) {
		return failure("reading the spool", err)
	}
	l.o.Tell(discarded("damaged"))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recording, l.behind = false, false
	gone := &task.Error{Code: "source.connection_lost", Op: "reading the spool", Retry: true, Text: "a file of the spool is damaged: " + l.reader.seg.path,
		Hint: "Nothing to do: the binlog is read from the source again. Look at the disk of the data folder."}
	err = l.drop(len(l.segments))
	if err == nil {
		err = gone
	}
	l.fail(err)
	return err
}
