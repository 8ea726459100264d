package engine

import (
	"bufio"
	"encoding/binary"
	"io"

	"sluice/engine/cdc"
)

// replay routes the rows of an XA transaction as those of the event that ends it.
type replay struct {
	b     *branch
	end   cdc.Event // the stream's own: XA COMMIT, or a commit in one phase
	at    int       // 0: the beginning; then the rows, then the end
	event cdc.Event
	ready bool // event is the one to route
	file  io.ReadCloser
	in    *bufio.Reader
}

// next gives the event to route for one of the stream: itself, or one of the transaction that it commits.
func (r *router) next(ev *cdc.Event) (*cdc.Event, error) {
	if r.replay == nil {
		switch ev.Kind {
		case cdc.EventCommit:
			if r.tx == nil || r.tx.branch == nil {
				return ev, nil
			}
			b := r.tx.branch // one phase: nothing happened between
			r.tx.branch = nil
			if err := b.settle(); err != nil {
				return nil, err
			}
			r.replay = &replay{b: b, end: *ev}
			r.replay.event = b.begun
			r.replay.event.XA = false
		case cdc.EventXACommit:
			b := r.opened(ev.XID)
			if b == nil || len(b.rows) == 0 {
				return ev, nil
			}
			b.end = ev.TID
			b.hidden = r.flavor == cdc.MariaDB && r.copying()
			r.replay = &replay{b: b, end: *ev}
			r.replay.event = *ev
			r.replay.event.Kind = cdc.EventBegin
		default:
			return ev, nil
		}
		r.replay.ready = true
	}
	return r.replay.next(r)
}

func (p *replay) next(r *router) (*cdc.Event, error) {
	if p.ready {
		return &p.event, nil
	}
	p.ready = true
	if p.at > len(p.b.rows) {
		p.event = cdc.Event{Kind: cdc.EventCommit, End: p.end.End}
		return &p.event, nil
	}
	p.event = p.b.rows[p.at-1]
	if p.end.Kind == cdc.EventXACommit {
		p.event.EventPos, p.event.SafePos = p.end.End, p.end.Pos
	}
	if p.b.file == "" {
		return &p.event, nil
	}
	if p.in == nil {
		f, err := r.files.Open(p.b.file, 0)
		if err != nil {
			return nil, err
		}
		p.file, p.in = f, bufio.NewReaderSize(f, 64<<10)
	}
	n, err := binary.ReadUvarint(p.in)
	if err != nil {
		return nil, unexpected(err)
	}
	images := make([]byte, n)
	if _, err := io.ReadFull(p.in, images); err != nil {
		return nil, unexpected(err)
	}
	p.event.Rows.Put(images)
	return &p.event, nil
}

// routed says that the event was routed, and reports whether that was the last for the stream's own.
func (r *router) routed() bool {
	p := r.replay
	if p == nil {
		return true
	}
	if p.ready, p.at = false, p.at+1; p.at <= len(p.b.rows)+1 {
		return false
	}
	r.closeReplay()
	r.free(p.b)
	return true
}

func (r *router) closeReplay() {
	if p := r.replay; p != nil && p.file != nil {
		_ = p.file.Close()
	}
	r.replay = nil
}

// ahead gives the events that are routed next, as far as they are at hand.
func (r *router) ahead(pending []cdc.Event) []cdc.Event {
	switch p := r.replay; {
	case p == nil:
		return pending
	case p.b.file == "" && p.at > 0 && p.at <= len(p.b.rows):
		return p.b.rows[p.at-1:]
	default:
		return []cdc.Event{p.event}
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
