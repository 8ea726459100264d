package retention

import (
	"context"
	"time"

	"sluice/engine/cdc"
)

// Horizon compares what the source holds with what a task still needs of it, at a moment.
type Horizon struct {
	Looked   time.Time     `json:"looked"`            // zero: never yet
	Oldest   string        `json:"oldest"`            // the oldest file that the source keeps
	Needs    string        `json:"needs"`             // from here on the task needs the source's binlog
	Kept     time.Duration `json:"kept,omitempty"`    // how long a file is kept; 0: as far as known, for ever
	Deadline time.Time     `json:"deadline,omitzero"` // about when what the task needs is purged; zero: it is not foreseen
	Purged   bool          `json:"purged,omitempty"`  // it is purged already
	Spooled  int64         `json:"spooled,omitempty"` // bytes of the binlog that are kept locally,
	Limit    int64         `json:"limit,omitempty"`   // of at most so many; 0: no spool
	Full     bool          `json:"full,omitempty"`    // the spool records no more
}

// urgentMost is how long before the deadline a person is told at the earliest.
const urgentMost = 6 * time.Hour

// Urgent reports whether a person has to act: less than 6 hours, or than a quarter of what the source keeps, are left.
func (h *Horizon) Urgent(now time.Time) bool {
	return h.Purged || !h.Deadline.IsZero() && h.Deadline.Sub(now) < min(urgentMost, h.Kept/4)
}

// Late reports whether what the task needs is purged, as far as can be foreseen.
func (h *Horizon) Late(now time.Time) bool {
	return h.Purged || !h.Deadline.IsZero() && !now.Before(h.Deadline)
}

// Need is what a task needs of the source at a moment.
type Need struct {
	At  cdc.Position
	Log string // base name of the binlog's files
}

// looks is how many lists of files the rate is taken over.
const looks = 20

// Watch looks at one source again and again.
type Watch struct {
	Source Source
	Now    func() time.Time

	files []File
	total int64 // bytes that came since the first look
	rates []rated
	begun map[string]time.Time
	kept  time.Duration // by the settings, when they were last read
	early time.Duration // the age at which the source was seen to purge before its settings say so; 0: it was not
}

type rated struct {
	at    time.Time
	total int64
}

// Look compares the binlog as it is now with what need says after it was listed: a file that a running task has just left
// behind may be gone. Where need says nothing, neither does it.
func (w *Watch) Look(ctx context.Context, need func() Need) (Horizon, error) {
	vars, err := w.Source.Variables(ctx, Variables()...)
	if err != nil {
		return Horizon{}, err
	}
	files, err := w.Source.Binlogs(ctx)
	if err != nil || len(files) == 0 {
		return Horizon{}, err
	}
	now := w.Now()
	kept, ever := KeptFor(vars)
	if ever {
		kept = 0
	}
	if err := w.purges(ctx, files, kept, now); err != nil {
		return Horizon{}, err
	}
	w.grows(files, now)
	n := need()
	if n.At.IsZero() {
		return Horizon{}, nil
	}
	h := Horizon{Looked: now, Oldest: files[0].Name, Needs: n.At.In(n.Log)}
	at := len(files) - 1 // what is newer than the list is in no older file
	for at > 0 && number(files[at]) > n.At.File {
		at--
	}
	if number(files[at]) > n.At.File {
		h.Purged = true
		return h, nil
	}
	if h.Kept = kept; w.early > 0 {
		h.Kept = w.early
	}
	if h.Kept > 0 {
		closed := now // at the earliest, of the newest file
		if at+1 < len(files) {
			if closed, err = w.begins(ctx, files[at+1].Name); err != nil {
				return Horizon{}, err
			}
		}
		h.Deadline = closed.Add(h.Kept)
	}
	w.limited(&h, vars, files[at:])
	return h, nil
}

// limited takes in how long a file is kept where the server purges by size.
func (w *Watch) limited(h *Horizon, vars map[string]string, needed []File) {
	_, limit := SizeLimit(vars)
	rate := w.rate()
	if limit == 0 || rate == 0 {
		return
	}
	lasts := func(bytes int64) time.Duration {
		return time.Duration(min(float64(max(0, bytes))/rate, (10*365*24*time.Hour).Seconds()) * float64(time.Second))
	}
	if at := h.Looked.Add(lasts(limit - Total(needed))); h.Deadline.IsZero() || at.Before(h.Deadline) {
		h.Deadline, h.Kept = at, lasts(limit)
	}
}

// purges sees whether the source purges files that its settings would keep: by hand, by a script, or as managed services
// do. Files are purged by the time at which they ended.
func (w *Watch) purges(ctx context.Context, files []File, kept time.Duration, now time.Time) error {
	if kept != w.kept {
		w.kept, w.early = kept, 0
	}
	if len(w.files) == 0 || number(files[0]) <= number(w.files[0]) {
		return nil
	}
	ended, err := w.begins(ctx, files[0].Name)
	if err != nil {
		return err
	}
	w.early = 0
	if age := max(now.Sub(ended), time.Second); kept == 0 || age < kept-kept/10 {
		w.early = age
	}
	return nil
}

// begins asks for the beginning of each file once.
func (w *Watch) begins(ctx context.Context, file string) (time.Time, error) {
	if at, ok := w.begun[file]; ok {
		return at, nil
	}
	at, err := w.Source.Begun(ctx, file)
	if err == nil {
		if w.begun == nil || len(w.begun) > looks {
			w.begun = map[string]time.Time{}
		}
		w.begun[file] = at
	}
	return at, err
}

func (w *Watch) grows(files []File, now time.Time) {
	if w.files != nil {
		w.total += Grown(w.files, files)
	}
	w.files = files
	if w.rates = append(w.rates, rated{now, w.total}); len(w.rates) > looks {
		w.rates = w.rates[1:]
	}
}

// rate in bytes a second, over the last looks; 0 is not known.
func (w *Watch) rate() float64 {
	first, last := w.rates[0], w.rates[len(w.rates)-1]
	if last.total == first.total {
		return 0
	}
	return float64(last.total-first.total) / last.at.Sub(first.at).Seconds()
}
