package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"sluice/engine"
	"sluice/engine/retention"
	"sluice/engine/task"
)

// display shows a run. The engine leaves what is new and goes on; a goroutine of its own writes, as a terminal may
// stand still.
type display struct {
	out     io.Writer // of progress
	errors  io.Writer // of notices
	json    bool
	rewrite bool // one line, written over
	every   time.Duration

	mu       sync.Mutex
	last     engine.Progress
	horizon  retention.Horizon
	estimate int64
	before   int64 // rows that earlier runs copied
	notices  []engine.Notice

	stop chan struct{}
	done chan struct{}
	rate rate
	wide int // of the line on the terminal
}

func (p *program) newDisplay(asJSON bool) *display {
	d := &display{out: p.stderr, errors: p.stderr, json: asJSON, every: 5 * time.Second, stop: make(chan struct{}), done: make(chan struct{})}
	d.last.Phase = engine.PhasePrepare
	switch {
	case asJSON:
		d.out, d.every = p.stdout, time.Second
	case terminal(p.stderr):
		d.rewrite, d.every = true, time.Second
	}
	go d.loop()
	return d
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (d *display) Progress(p engine.Progress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = p
}

func (d *display) Planned(estimate, copied int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.estimate, d.before = estimate, copied
}

func (d *display) Notice(n engine.Notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notices = append(d.notices, n)
}

func (d *display) Horizon(h retention.Horizon) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.horizon = h
}

func (d *display) loop() {
	defer close(d.done)
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			d.write(now, "", nil)
		case <-d.stop:
			return
		}
	}
}

// close writes the last line, with how the run came out.
func (d *display) close(state task.State, err error) {
	close(d.stop)
	<-d.done
	d.write(time.Now(), state, err)
	if d.rewrite {
		fmt.Fprintln(d.out)
	}
}

func (d *display) write(now time.Time, outcome task.State, err error) {
	d.mu.Lock()
	s := status{Progress: d.last, horizon: d.horizon, now: now, estimate: d.estimate, before: d.before, outcome: outcome, err: err}
	notices := d.notices
	d.notices = nil
	d.mu.Unlock()
	s.perSecond = d.rate.take(now, s.rows())
	if d.json {
		_ = json.NewEncoder(d.out).Encode(s.document(now, notices))
		return
	}
	for _, n := range notices {
		fmt.Fprintf(d.errors, "%s%s: %s\n", d.wipe(), n.Code, strings.Join(n.Params, ", "))
	}
	line := s.line()
	if !d.rewrite {
		fmt.Fprintln(d.out, line)
		return
	}
	fmt.Fprint(d.out, d.wipe()+line)
	d.wide = len(line)
}

// wipe clears the line on the terminal.
func (d *display) wipe() string {
	if !d.rewrite {
		return ""
	}
	return "\r" + strings.Repeat(" ", d.wide) + "\r"
}

// rate is rows a second over the last ten looks.
type rate struct {
	at   []time.Time
	rows []int64
}

func (r *rate) take(now time.Time, rows int64) float64 {
	if n := len(r.rows); n > 0 && rows < r.rows[n-1] { // the engine began anew
		r.at, r.rows = nil, nil
	}
	r.at, r.rows = append(r.at, now), append(r.rows, rows)
	if len(r.at) > 10 {
		r.at, r.rows = r.at[1:], r.rows[1:]
	}
	span := now.Sub(r.at[0]).Seconds()
	if span <= 0 {
		return 0
	}
	return float64(rows-r.rows[0]) / span
}

// status is a moment of a run.
type status struct {
	engine.Progress
	horizon          retention.Horizon
	now              time.Time
	estimate, before int64
	perSecond        float64
	outcome          task.State
	err              error
}

func (s *status) rows() int64 {
	c := s.Counts
	return c.Copied + c.Inserts + c.Updates + c.Deletes
}

// eta is how long the full copy will take, where the server's estimate still allows to say.
func (s *status) eta() (time.Duration, bool) {
	left := s.estimate - s.before - s.Counts.Copied
	if s.Phase != engine.PhaseFull || left <= 0 || s.perSecond < 1 {
		return 0, false
	}
	return time.Duration(float64(left) / s.perSecond * float64(time.Second)), true
}

func (s *status) line() string {
	var b strings.Builder
	phase := string(s.Phase)
	if s.outcome != "" {
		phase = string(s.outcome)
	}
	fmt.Fprintf(&b, "%-11s  %s rows", phase, grouped(s.rows()))
	if s.outcome != "" {
		fmt.Fprintf(&b, "  (%s copied, %s inserts, %s updates, %s deletes, %s DDL)", grouped(s.Counts.Copied), grouped(s.Counts.Inserts),
			grouped(s.Counts.Updates), grouped(s.Counts.Deletes), grouped(s.Counts.DDLs))
		if low := where(s.Low, s.Log); low != "" {
			b.WriteString("  delivered up to " + low)
		}
		return b.String() + s.doubles() + s.letters() + s.deadline()
	}
	fmt.Fprintf(&b, "  %s rows/s", grouped(int64(s.perSecond)))
	switch {
	case s.NoDelay:
		b.WriteString("  no delay")
	case s.Known:
		fmt.Fprintf(&b, "  delay %s", s.Delay.Round(100*time.Millisecond))
	}
	if eta, ok := s.eta(); ok {
		fmt.Fprintf(&b, "  ETA %s", eta.Round(time.Second))
	}
	if s.Waiting != "" {
		b.WriteString("  " + s.Waiting)
	}
	if s.Trying != nil {
		b.WriteString("  trying again after " + task.Code(s.Trying.Err))
	}
	return b.String() + s.doubles() + s.letters() + s.deadline()
}

// deadline tells until when the task has to be run again once it has stopped, and of one that runs, if that is near.
func (s *status) deadline() string {
	h, text := &s.horizon, ""
	switch stopped := s.outcome != "" && s.outcome != task.Finished; {
	case s.outcome == task.Finished || h.Looked.IsZero() || !stopped && !h.Urgent(s.now):
	case h.Late(s.now):
		text = "  the source may already have purged the binlog from " + h.Needs
	case !h.Deadline.IsZero():
		text = "  the source purges the binlog from " + h.Needs + " at about " + h.Deadline.UTC().Format(time.RFC3339)
	}
	if h.Full && s.outcome == "" {
		text += "  spool full: the source must keep its binlog"
	}
	return text
}

// doubles tells of messages that may stand twice, if there are any.
func (s *status) doubles() string {
	if s.Doubles == (engine.Doubles{}) {
		return ""
	}
	return fmt.Sprintf("  %s messages sent again, %s found twice", grouped(s.Doubles.Resent), grouped(s.Doubles.Found))
}

func (s *status) letters() string {
	if s.Counts.DeadLetters == 0 {
		return ""
	}
	return "  dead letters: " + grouped(s.Counts.DeadLetters)
}

// document is the line of --json. Fields that are not known are null.
type document struct {
	Time       time.Time       `json:"time"`
	Phase      engine.Phase    `json:"phase"`
	Rows       int64           `json:"rows"`
	PerSecond  float64         `json:"rows_per_second"`
	Copied     int64           `json:"copied"`
	Inserts    int64           `json:"inserts"`
	Updates    int64           `json:"updates"`
	Deletes    int64           `json:"deletes"`
	DDLs       int64           `json:"ddls"`
	Acked      int64           `json:"acknowledged"`
	AckedBytes int64           `json:"acknowledged_bytes"`
	Plain      bool            `json:"no_producer,omitempty"` // the target gives no producer id
	Resent     int64           `json:"sent_again,omitempty"`
	Doubled    int64           `json:"found_twice,omitempty"`
	Dead       int64           `json:"dead_letters,omitempty"`
	DelayMS    *int64          `json:"delay_ms"`
	NoDelay    bool            `json:"no_delay"`
	ChunksLeft int             `json:"chunks_left"`
	ETA        *float64        `json:"eta_seconds"`
	Position   string          `json:"position,omitempty"` // read up to
	Delivered  string          `json:"delivered,omitempty"`
	GTIDSet    string          `json:"gtid_set,omitempty"` // delivered
	Waiting    string          `json:"waiting,omitempty"`
	Binlog     *binlog         `json:"binlog,omitempty"` // how long the source keeps what the task needs of it
	Trying     *problem        `json:"trying,omitempty"` // what a request to the target is sent again after
	Notices    []engine.Notice `json:"notices,omitempty"`
	Outcome    task.State      `json:"outcome,omitempty"`
	Error      *problem        `json:"error,omitempty"`
}

// binlog is the horizon as JSON.
type binlog struct {
	Looked   time.Time  `json:"looked"`
	Oldest   string     `json:"oldest"`           // the oldest file that the source keeps
	Needs    string     `json:"needs"`            // from here on the task needs the source
	Kept     float64    `json:"kept_seconds"`     // how long the source keeps a file; 0: as far as known, for ever
	Deadline *time.Time `json:"deadline"`         // about when it purges what the task needs; null: not foreseen
	Purged   bool       `json:"purged,omitempty"` // it has
	Urgent   bool       `json:"urgent"`
	Spool    *spooled   `json:"spool,omitempty"`
}

type spooled struct {
	Bytes int64 `json:"bytes"`
	Limit int64 `json:"limit"`
	Full  bool  `json:"full"`
}

func binlogOf(h *retention.Horizon, now time.Time) *binlog {
	if h.Looked.IsZero() {
		return nil
	}
	second := func(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
	b := &binlog{Looked: second(h.Looked), Oldest: h.Oldest, Needs: h.Needs, Kept: h.Kept.Seconds(), Purged: h.Purged, Urgent: h.Urgent(now)}
	if !h.Deadline.IsZero() {
		at := second(h.Deadline)
		b.Deadline = &at
	}
	if h.Limit > 0 {
		b.Spool = &spooled{h.Spooled, h.Limit, h.Full}
	}
	return b
}

// problem is an error as JSON.
type problem struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

func (s *status) document(now time.Time, notices []engine.Notice) document {
	c := s.Counts
	d := document{Time: now.UTC().Truncate(time.Millisecond), Phase: s.Phase, Rows: s.rows(), PerSecond: float64(int64(s.perSecond*10)) / 10,
		Copied: c.Copied, Inserts: c.Inserts, Updates: c.Updates, Deletes: c.Deletes, DDLs: c.DDLs, Acked: c.Acked, AckedBytes: c.AckedBytes,
		Plain: s.Plain, Resent: s.Doubles.Resent, Doubled: s.Doubles.Found, Dead: c.DeadLetters,
		NoDelay: s.NoDelay, ChunksLeft: s.ChunksLeft, Waiting: s.Waiting, Notices: notices, Outcome: s.outcome, Error: problemOf(s.err)}
	if s.Known {
		ms := s.Delay.Milliseconds()
		d.DelayMS = &ms
	}
	if s.Trying != nil {
		d.Trying = problemOf(s.Trying.Err)
	}
	if eta, ok := s.eta(); ok {
		seconds := eta.Round(time.Second).Seconds()
		d.ETA = &seconds
	}
	d.Binlog = binlogOf(&s.horizon, now)
	d.Position, d.Delivered, d.GTIDSet = where(s.Position, s.Log), where(s.Low, s.Log), s.Set
	return d
}

// grouped writes a number with commas.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
