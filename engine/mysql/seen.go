package mysql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Holds compares the log with what was read of it. A log that reaches back before the newest transaction that was read
// and does not hold it has lost its end; one that does not was begun anew.
func (s *Source) Holds(ctx context.Context, seen engine.Seen) error {
	const op = "comparing the binlog with what was read"
	files, err := s.Files(ctx)
	if err != nil || len(files) == 0 || seen.At.IsZero() {
		return withOp(op, err)
	}
	s.mu.Lock()
	s.low = seen.Low
	s.mu.Unlock()
	why, err := s.differs(ctx, files, seen)
	if err != nil || why == "" {
		return withOp(op, err)
	}
	oldest, err := s.head(ctx, files[0].Name)
	if err != nil {
		return withOp(op, err)
	}
	if since := max(seen.Time/1e6, seen.Begun); oldest.begun <= since {
		return &task.Error{Code: "source.lost", Op: op, Text: why,
			Hint: "It lost the end of its binlog, in a crash with sync_binlog=0 or when it was put back to an older copy. Start a new task with a full copy."}
	}
	return withOp(op, rewritten(why))
}

// differs tells what is not as it was read; nothing where that can't be seen any more.
func (s *Source) differs(ctx context.Context, files []File, seen engine.Seen) (why string, err error) {
	names := map[uint64]string{}
	var oldest, newest, size uint64
	for i, f := range files {
		n, err := cdc.FileNumber(f.Name)
		if err != nil {
			return "", err
		}
		if names[n] = f.Name; i == 0 {
			oldest = n
		}
		newest = n
		if n == seen.At.File {
			size = f.Size
		}
	}
	read := seen.At.In(s.server.Log)
	switch {
	case seen.At.File > newest:
		return fmt.Sprintf("the binlog was read up to %s, the server's newest file is %s", read, files[len(files)-1].Name), nil
	case seen.At.File >= oldest && seen.At.Offset > size:
		return fmt.Sprintf("the binlog was read up to %s, where the server's file has %d bytes", read, size), nil
	case seen.TID == "":
		name, there := names[seen.At.File]
		if !there || seen.Begun == 0 {
			return "", nil
		}
		h, err := s.head(ctx, name)
		if err == nil && h.begun != seen.Begun {
			why = fmt.Sprintf("the binlog file %s was begun at %s, the one that was read at %s", name, moment(h.begun*1e6), moment(seen.Begun*1e6))
		}
		return why, err
	}
	name, there := names[seen.Last.File]
	if !there || seen.Last.Offset > math.MaxUint32 { // the protocol has no more bits
		return "", nil
	}
	return s.stands(ctx, name, seen)
}

// stands looks whether the newest transaction that was read begins where it did.
func (s *Source) stands(ctx context.Context, file string, seen engine.Seen) (why string, err error) {
	r := &placeReader{}
	r.t = newTranslator(s.server.Flavor, nil, func(e cdc.Event) error {
		r.found = r.found || e.TID != ""
		r.event = e
		return errSeen
	})
	set, err := cdc.ParseGTIDSet(s.server.Flavor, seen.TID)
	if err != nil {
		return "", err
	}
	_, r.t.byFile = set.(*cdc.Upto)
	err = s.peek(ctx, file, uint32(seen.Last.Offset), r.take)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case r.found && r.event.TID == seen.TID && r.event.Pos.Offset == seen.Last.Offset && r.event.Time == seen.Time:
		return "", nil
	}
	what := "no transaction"
	switch {
	case r.found:
		what = fmt.Sprintf("transaction %s of %s", r.event.TID, moment(r.event.Time))
	case r.other:
	case !misplaced(err):
		return "", s.classify(err)
	case unsent(err) || s.purgedBy(ctx, seen.Last):
		return "", nil
	}
	return fmt.Sprintf("transaction %s of %s was read at %s, where the server has %s", seen.TID, moment(seen.Time), seen.Last.In(s.server.Log), what), nil
}

// misplaced reports whether the server could not read an event there, or what it sent was none.
func misplaced(err error) bool {
	var known *task.Error
	var answer *gomysql.MyError
	if errors.As(err, &answer) {
		return answer.Code == gomysql.ER_MASTER_FATAL_ERROR_READING_BINLOG
	}
	return err != nil && !errors.As(err, &known) && transport(err, unreadable).code == unreadable.code
}

// unsent reports whether the server may not send the event in its present gtid_mode, whatever it is.
func unsent(err error) bool {
	var answer *gomysql.MyError
	return errors.As(err, &answer) && strings.Contains(strings.ToUpper(answer.Message), "GTID")
}

// purgedBy reports whether the file of the position is gone by now.
func (s *Source) purgedBy(ctx context.Context, at cdc.Position) bool {
	_, err := s.fileOf(ctx, at)
	return task.Code(err) == "source.binlog_purged"
}

func moment(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano) }

// placeReader takes the event that a dump begins with.
type placeReader struct {
	t     *translator
	event cdc.Event
	found bool // a transaction begins there
	other bool // something else does
}

func (r *placeReader) take(raw []byte) error {
	var h replication.EventHeader
	if err := readHead(&h, raw); err != nil {
		return err
	}
	artificial := h.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 || h.EventType == replication.FORMAT_DESCRIPTION_EVENT
	silent := r.t.emit
	if artificial { // what a dump begins with wherever it is opened
		r.t.emit = func(cdc.Event) error { return nil }
	}
	err := r.t.take(&h, raw)
	r.t.emit = silent
	if artificial && err == nil {
		return nil
	}
	if r.t.announced && !r.found {
		r.event, r.found = r.t.next, true
	}
	r.other = !r.found
	return errSeen
}
