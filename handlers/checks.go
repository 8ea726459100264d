package handlers

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sluice/engine/task"
	"sluice/views"
)

// Checker runs prechecks beside the requests that ask for them.
type Checker interface {
	// Sum is of all that a precheck looks at, the passwords included. A precheck counts for what has its sum.
	Sum(spec task.Spec, about task.About) (string, error)
	// Check begins a precheck of a draft or task and returns at once. only names the items of the last run to look at
	// again; nil is all.
	Check(ctx context.Context, subject string, spec task.Spec, about task.About, only []string) error
	// Checking reports whether a precheck of the subject is under way.
	Checking(subject string) bool
}

// runsShown is how many prechecks the history of a subject names.
const runsShown = 20

// inspected is a draft or a task with its prechecks, the newest first.
type inspected struct {
	id, url string
	draft   bool
	spec    task.Spec // with passwords
	about   task.About
	sum     string
	runs    []task.CheckRun
	running bool
}

// inspect reads the prechecks of a subject and holds them against what it is now.
func (h *Handlers) inspect(ctx context.Context, s inspected) (inspected, error) {
	var err error
	s.running = h.Checker.Checking(s.id) // before the runs are read: what has ended since is read as ended
	if s.sum, err = h.Checker.Sum(s.spec, s.about); err != nil {
		return s, err
	}
	s.runs, err = h.Checks.Checks(ctx, s.id, runsShown)
	return s, err
}

// Conditions of the newest precheck of a subject.
const (
	checksNone        = "none"
	checksRunning     = "running"
	checksInterrupted = "interrupted"
	checksChanged     = "changed" // another configuration than now
	checksFailed      = "failed"
	checksWarning     = "warning" // to be acknowledged
	checksPassed      = "passed"
)

// condition says what the newest precheck means for the subject.
func (s *inspected) condition() string {
	if s.running {
		return checksRunning
	}
	if len(s.runs) == 0 {
		return checksNone
	}
	r := &s.runs[0]
	n := tally(r.Items)
	switch {
	case r.BodySum != s.sum:
		return checksChanged
	case r.Ended.IsZero(), len(r.Items) == 0, n["waiting"]+n["running"] > 0:
		return checksInterrupted
	case n["failed"] > 0:
		return checksFailed
	case !r.Passed():
		return checksWarning
	}
	return checksPassed
}

// mark is where an item stands as the page counts it: failed items that do not stop the task are warnings.
func mark(i *task.CheckItem) string {
	switch {
	case i.Status != "failed" || i.Severity == "error":
		return i.Status
	case i.Severity == "info":
		return "info"
	}
	return "warning"
}

// tally counts the items by their mark; "open" are the warnings that nobody has acknowledged.
func tally(items []task.CheckItem) map[string]int {
	n := map[string]int{}
	for i := range items {
		m := mark(&items[i])
		n[m]++
		if m == "warning" && items[i].Blocks() {
			n["open"]++
		}
	}
	return n
}

// item gives an item of a run, or nil.
func item(r *task.CheckRun, id string) *task.CheckItem {
	if at := slices.IndexFunc(r.Items, func(i task.CheckItem) bool { return i.ID == id }); at >= 0 {
		return &r.Items[at]
	}
	return nil
}

// shown gives the run that the query names, or the newest.
func (s *inspected) shown(id string) *task.CheckRun {
	if len(s.runs) == 0 {
		return nil
	}
	for i := range s.runs {
		if strconv.FormatInt(s.runs[i].ID, 10) == id {
			return &s.runs[i]
		}
	}
	return &s.runs[0]
}

// panel is what the page of a precheck shows of one of its runs.
func (s *inspected) panel(p *views.Page, run *task.CheckRun) *views.Checks {
	m := &views.Checks{URL: s.url, Subject: s.id, Running: s.running, Condition: s.condition()}
	m.Verdict = s.verdict(p, m.Condition)
	if run == nil {
		return m
	}
	m.Old = run.ID != s.runs[0].ID
	n := tally(run.Items)
	for _, c := range [][2]string{{"passed", "ok"}, {"warning", "warn"}, {"failed", "bad"}, {"skipped", "idle"}, {"running", "busy"}} {
		count := n[c[0]]
		switch c[0] {
		case "running":
			count += n["waiting"]
		case "passed":
			count += n["info"]
		}
		word := p.T("checks.state." + c[0])
		if c[0] == "warning" {
			word = p.N("checks.warnings", int64(count))
		}
		m.Counts = append(m.Counts, views.CheckCount{Tone: c[1], N: count, Word: word})
	}
	m.Failures = n["failed"] > 0
	m.Began = p.Time(run.Began)
	m.Open, m.Waiting, m.Skipped, m.Passed = s.rows(p, run, m.Old)
	for i := range s.runs {
		m.Runs = append(m.Runs, s.runRow(p, i, run.ID))
	}
	return m
}

// rows sorts the items: what failed first, then what warns, then what runs.
func (s *inspected) rows(p *views.Page, run *task.CheckRun, old bool) (open, waiting, skipped, passed []views.CheckRow) {
	rank := map[string]int{"failed": 0, "warning": 1, "running": 3, "info": 4}
	at := map[string]int{}
	for i := range run.Items {
		it := &run.Items[i]
		row := s.row(p, it, run.ID, old)
		switch it.Status {
		case "waiting":
			waiting = append(waiting, row)
		case "skipped":
			skipped = append(skipped, row)
		case "passed":
			passed = append(passed, row)
		default:
			at[it.ID] = rank[mark(it)]
			if row.Acknowledged != "" {
				at[it.ID] = 2
			}
			open = append(open, row)
		}
	}
	slices.SortStableFunc(open, func(a, b views.CheckRow) int { return cmp.Compare(at[a.ID], at[b.ID]) })
	return open, waiting, skipped, passed
}

// markTones are the colours of the marks.
var markTones = map[string]string{"passed": "ok", "failed": "bad", "warning": "warn", "info": "idle", "skipped": "idle", "waiting": "idle", "running": "busy"}

func (s *inspected) row(p *views.Page, i *task.CheckItem, run int64, old bool) views.CheckRow {
	m := mark(i)
	t := itemTexts(p, i)
	q := url.Values{"item": {i.ID}}
	if old {
		q.Set("run", strconv.FormatInt(run, 10))
	}
	row := views.CheckRow{ID: i.ID, Name: t.name, Tone: markTones[m], Word: p.T("checks.state." + m), URL: s.url + "?" + q.Encode(), Line: t.observed}
	if i.Status == "failed" {
		row.Expected = t.expected
	}
	row.Recheck = !old && !s.running && i.Status != "passed"
	row.Acknowledge = !old && !s.running && m == "warning" && i.Blocks() && s.runs[0].BodySum == s.sum
	if i.AcknowledgedBy != "" {
		row.Acknowledged = p.T("checks.acknowledged_by", "User", i.AcknowledgedBy)
	}
	return row
}

func (s *inspected) runRow(p *views.Page, at int, shown int64) views.CheckRunRow {
	r := &s.runs[at]
	row := views.CheckRunRow{Time: p.Time(r.Began), On: r.ID == shown, URL: s.url + "?run=" + strconv.FormatInt(r.ID, 10), Text: counts(p, r.Items)}
	if at == 0 {
		row.URL = s.url
	}
	switch {
	case at == 0 && s.running:
		row.Text = p.T("checks.state.running")
	case r.Ended.IsZero():
		row.Text = p.T("precheck.interrupted_short")
	case r.BodySum != s.sum:
		row.Note = p.T("precheck.changed_short")
	}
	return row
}

// counts says in a few words how a run came out.
func counts(p *views.Page, items []task.CheckItem) string {
	n := tally(items)
	return p.T("precheck.counts", "Passed", n["passed"]+n["info"], "Failed", n["failed"], "Warnings", n["warning"], "Skipped", n["skipped"])
}

// verdict is the sentence above the items.
func (s *inspected) verdict(p *views.Page, condition string) views.Verdict {
	tone := map[string]string{checksNone: "info", checksRunning: "info", checksInterrupted: "warn", checksChanged: "warn", checksFailed: "bad", checksWarning: "warn", checksPassed: "ok"}
	icon := map[string]string{checksNone: "info", checksRunning: "clock", checksInterrupted: "warning", checksChanged: "warning", checksFailed: "failed", checksWarning: "warning", checksPassed: "passed"}
	v := views.Verdict{Tone: tone[condition], Icon: icon[condition], Title: p.T("precheck.verdict." + condition)}
	switch condition {
	case checksRunning:
		if len(s.runs) > 0 && len(s.runs[0].Items) > 0 {
			n := tally(s.runs[0].Items)
			all := len(s.runs[0].Items)
			v.Text = p.T("precheck.progress", "Done", all-n["waiting"]-n["running"], "All", all)
		}
	case checksFailed:
		v.Title = p.N("precheck.failures", int64(tally(s.runs[0].Items)["failed"]))
		v.Text = p.T("precheck.verdict.failed_text")
	case checksWarning:
		v.Title = p.N("precheck.warnings", int64(tally(s.runs[0].Items)["open"]))
		v.Text = p.T("precheck.verdict.warning_text")
	case checksPassed:
		v.Title = p.T("precheck.verdict.passed", "At", p.Time(s.runs[0].Ended))
		key := "precheck.verdict.passed_task"
		if s.draft {
			key = "precheck.verdict.passed_draft"
		}
		v.Text = p.T(key)
	default:
		v.Text = p.T("precheck.verdict." + condition + "_text")
	}
	return v
}

// detail is the drawer of one item.
func (s *inspected) detail(p *views.Page, run *task.CheckRun, id string) *views.CheckDetail {
	if run == nil {
		return nil
	}
	i := item(run, id)
	if i == nil {
		return nil
	}
	old := run.ID != s.runs[0].ID
	t := itemTexts(p, i)
	d := &views.CheckDetail{CheckRow: s.row(p, i, run.ID, old), Run: strconv.FormatInt(run.ID, 10), Close: s.url, What: t.what, Why: t.why, Observed: t.observed, Expected: t.expected,
		Cause: t.cause, Fix: views.FixParts(t.fix), Raw: t.raw, Code: i.Code, Reason: views.Field{Name: "reason", Label: p.T("precheck.reason"), Hint: p.T("precheck.reason_hint"), Required: true}}
	if old {
		d.Close += "?run=" + d.Run
	}
	d.Recheck = !old && !s.running
	if i.Took > 0 {
		d.Took = tookText(p, i.Took)
	}
	if i.AcknowledgedBy != "" {
		d.Acknowledged, d.AcknowledgedWhy = p.T("checks.acknowledged_by", "User", i.AcknowledgedBy), i.AcknowledgedWhy
	}
	return d
}

// tookText writes how long a check ran.
func tookText(p *views.Page, d time.Duration) string {
	if d >= time.Second {
		return p.Duration(d)
	}
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10) + " ms"
}
