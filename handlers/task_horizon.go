package handlers

import (
	"time"

	"sluice/engine/task"
	"sluice/views"
)

// bounded reports whether it is known, and of interest, how long the source keeps what the task needs.
func (s *stand) bounded() bool {
	return !s.now.Horizon.Looked.IsZero() && s.State != task.Finished
}

func (s *stand) urgent(now time.Time) bool { return s.bounded() && s.now.Horizon.Urgent(now) }

// deadline says until when the source keeps what the task needs: of a task that does not work, always.
func (s *stand) deadline(p *views.Page) views.Next {
	h := &s.now.Horizon
	working := s.live && s.now.Trying == nil
	gone := s.Failure != nil && s.Failure.Code == "source.binlog_purged" // it says so itself
	if !s.bounded() || gone || working && !h.Urgent(p.Now) {
		return views.Next{}
	}
	key, tone := "before", "warn"
	switch {
	case h.Late(p.Now):
		key, tone = "late", "bad"
	case h.Deadline.IsZero():
		return views.Next{}
	case working:
		key, tone = "near", "bad"
	case h.Urgent(p.Now):
		tone = "bad"
	}
	return views.Next{Text: p.T("horizon."+key, "From", h.Needs, "At", deadlineAt(p, h.Deadline)), Tone: tone}
}

func deadlineAt(p *views.Page, at time.Time) string { return p.Time(at.In(p.Now.Location())) }

// kept are what the source keeps of its binlog, and what is kept here.
func (s *stand) kept(p *views.Page) []views.Fact {
	h := &s.now.Horizon
	if !s.bounded() {
		return nil
	}
	until := p.T("horizon.unforeseen")
	switch {
	case h.Purged:
		until = p.T("horizon.purged")
	case !h.Deadline.IsZero():
		until = deadlineAt(p, h.Deadline)
		if left := h.Deadline.Sub(p.Now); left > 0 {
			until = p.T("horizon.until", "At", until, "Left", p.Duration(left.Truncate(time.Minute)))
		}
	}
	name := p.T("horizon.resume_before")
	if s.live {
		name = p.T("horizon.if_paused")
	}
	out := []views.Fact{
		{Name: p.T("horizon.oldest"), Value: h.Oldest, Code: true},
		{Name: p.T("horizon.needs"), Value: h.Needs, Code: true},
		{Name: name, Value: until, Bad: h.Urgent(p.Now)},
	}
	if h.Limit > 0 {
		f := views.Fact{Name: p.T("horizon.spool"), Value: p.T("horizon.spool_value", "Used", p.Bytes(h.Spooled), "Limit", p.Bytes(h.Limit)), Bad: h.Full}
		if h.Full {
			f.Value = p.T("horizon.spool_full", "Used", p.Bytes(h.Spooled), "Limit", p.Bytes(h.Limit))
		}
		out = append(out, f)
	}
	if !s.live {
		out = append(out, views.Fact{Name: p.T("horizon.looked"), Value: deadlineAt(p, h.Looked)})
	}
	return out
}
