package handlers

import (
	"context"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"time"

	"sluice/engine/progress"
	"sluice/engine/task"
	"sluice/views"
)

// stand is a task with where it stands now.
type stand struct {
	task.Summary
	now  progress.Status
	live bool // a process works on it
}

// look joins what is kept of a task with what is live, or with what was last known.
func (h *Handlers) look(t task.Summary) stand {
	s := stand{Summary: t}
	if now, ok := h.Statuses.Status(t.ID); ok {
		s.now, s.live = now, now.State == task.Running
		return s
	}
	if len(t.Last) > 0 {
		s.now = lastKnown(t.Last)
	}
	return s
}

// lastKnown reads what was kept of a task; of that of an older version nothing is known.
func lastKnown(text []byte) (s progress.Status) {
	_ = json.Unmarshal(text, &s)
	return s
}

// condition is the word for where a task stands; it is a key below "state.".
func (s *stand) condition() string {
	switch {
	case s.live && s.now.Ending:
		return "ending"
	case s.live && s.State == task.Running && !s.Wanted:
		return "pausing"
	case s.live && s.now.Trying != nil:
		return "retrying"
	case s.live && s.now.Measured.IsZero():
		return "starting"
	case s.State == task.Running && !s.live && !s.Wanted:
		return "pausing" // the process ended meanwhile; the new one records it
	case s.live, s.State == task.Running:
		return "migrating"
	case s.State == task.Failed:
		return "failed"
	case s.State == task.Finished:
		return "finished"
	case s.State == task.Stopped && s.Wanted:
		return "starting"
	case s.State == task.Stopped:
		return "paused"
	case !s.StartAt.IsZero():
		return "scheduled"
	}
	return "new"
}

var tones = map[string]string{
	"draft": "idle", "new": "idle", "scheduled": "idle", "starting": "busy", "migrating": "busy", "ending": "busy",
	"pausing": "busy", "retrying": "warn", "paused": "idle", "failed": "bad", "finished": "ok",
}

func (s *stand) status(p *views.Page) views.Status {
	c := s.condition()
	out := views.Status{Tone: tones[c], Word: p.T("state." + c), Of: c}
	switch {
	case c == "paused":
		out.Icon = "phase-paused" // it is not one that has never started
	case c == "scheduled":
		out.Sub = p.T("state.scheduled_sub", "At", p.Time(s.StartAt))
	case c == "retrying":
		out.Sub = p.T("state.retrying_sub", "Why", p.Error(s.now.Trying.Failure.Code, s.now.Trying.Failure.Text, "").Text)
	case c == "migrating" && s.live:
		out.Sub = p.T("phase." + s.phase())
		if left, ok := s.now.Left(); ok {
			out.Sub += " · " + leftText(p, left)
		}
	}
	return out
}

// leftText says how long a full copy still takes, as roughly as it is known.
func leftText(p *views.Page, left time.Duration) string {
	if left < 10*time.Second {
		return p.T("state.left_soon")
	}
	return p.T("state.left_sub", "Left", p.Duration(left))
}

func (s *stand) phase() string {
	if s.now.Phase == "" {
		return "prepare"
	}
	return s.now.Phase
}

// order of the phases; a task is past those before its own.
var order = map[string]int{"prepare": 0, "schema": 1, "full": 2, "incremental": 3, "finished": 4}

func (s *stand) phases(p *views.Page) []views.PhaseMark {
	chosen := map[string]bool{"schema": s.Spec.Schema, "full": s.Spec.Full, "incremental": s.Spec.Incremental}
	at := order[s.phase()]
	if s.State == task.Finished {
		at = order["finished"]
	}
	var out []views.PhaseMark
	for _, name := range []string{"schema", "full", "incremental"} {
		m := views.PhaseMark{Name: p.T("phase.short." + name), State: "todo"}
		n := order[name]
		switch {
		case !chosen[name]:
			m.State = "none"
		case at > n:
			m.State = "done"
		case at == n && s.State == task.Failed:
			m.State = "bad"
		case at == n && !s.live:
			m.State = "paused"
		case at == n:
			m.State = "busy"
		}
		m.Text = p.T("phase.state." + m.State)
		if percent, ok := s.now.FullPercent(); ok && name == "full" && at == n {
			m.Percent, m.Text = percent, strconv.Itoa(percent)+"%"
		}
		out = append(out, m)
	}
	return out
}

func (s *stand) delay(p *views.Page) views.Delay {
	if !s.live || s.phase() != "incremental" {
		return views.Delay{Word: "–", Tone: "idle"}
	}
	d := views.Delay{Word: p.T("delay.unknown"), Tone: "idle"}
	if s.now.NoDelay {
		d.Word, d.Tone = p.T("delay.none"), "ok"
	} else if s.now.Known {
		d.Word, d.Tone = p.Duration(s.now.Delay), "warn"
	}
	if s.now.Known {
		age := strconv.FormatFloat(max(0, p.Now.Sub(s.now.Measured).Seconds()), 'f', 1, 64)
		d.Measured, d.Age, d.AgeText, d.At = true, age, p.T("delay.measured", "S", age), strconv.FormatInt(s.now.Measured.UnixMilli(), 10)
	}
	return d
}

func (s *stand) rate(p *views.Page) string {
	if !s.live || s.now.Measured.IsZero() {
		return "–"
	}
	return p.Number(int64(s.now.PerSecond))
}

// route names the two ends.
func route(spec *task.Spec) string {
	if spec.Source.Host == "" || len(spec.Target.Brokers) == 0 {
		return ""
	}
	text := net.JoinHostPort(spec.Source.Host, strconv.Itoa(spec.Source.Port)) + " → " + spec.Target.Brokers[0]
	if spec.Target.Topic != "" {
		text += " / " + spec.Target.Topic
	}
	return text
}

func (s *stand) row(p *views.Page) views.TaskRow {
	r := views.TaskRow{ID: s.ID, Name: s.Name, URL: "/tasks/" + s.ID, Route: route(&s.Spec), Group: s.About.Group, Status: s.status(p),
		Phases: s.phases(p), Delay: s.delay(p), Rate: s.rate(p), Updated: p.Time(s.Updated), Actions: s.actions(p)}
	if s.Failure != nil && s.State == task.Failed {
		r.Cause = p.Error(s.Failure.Code, s.Failure.Text, "").Text
	}
	if s.urgent(p.Now) {
		r.Deadline = p.T("horizon.row_late")
		if !s.now.Horizon.Late(p.Now) {
			r.Deadline = p.T("horizon.row", "At", deadlineAt(p, s.now.Horizon.Deadline))
		}
	}
	return r
}

// actions are those that the task's state allows, the likeliest first.
func (s *stand) actions(p *views.Page) []views.Action {
	post := map[string]bool{"start": true, "resume": true, "retry": true, "pause": true, "clone": true}
	var out []views.Action
	for _, name := range s.allowed() {
		text := p.T("task.action." + name)
		url := "/tasks/" + s.ID + "/" + name
		if name == "resume" || name == "retry" {
			url = "/tasks/" + s.ID + "/start"
		}
		out = append(out, views.Action{Text: text, URL: url, Post: post[name], Danger: name == "delete",
			Primary: name == "start" || name == "resume" || name == "retry",
			Name:    p.T("task.action_of", "Action", strings.TrimSuffix(text, "…"), "Name", s.Name)})
	}
	return out
}

// allowed are the names of the actions for the condition.
func (s *stand) allowed() []string {
	switch s.condition() {
	case "new", "scheduled":
		return []string{"start", "clone", "delete"}
	case "starting", "retrying":
		return []string{"pause", "clone"}
	case "migrating":
		if s.Spec.Incremental {
			return []string{"end", "pause", "clone"}
		}
		return []string{"pause", "clone"}
	case "paused":
		return []string{"resume", "clone", "delete"}
	case "failed":
		if s.expired() {
			return []string{"repeat", "clone", "delete"}
		}
		return []string{"retry", "clone", "delete"}
	case "finished":
		return []string{"clone", "delete"}
	}
	return nil // pausing, ending: wait
}

// expired: the topic no longer tells what was sent, and a person may accept that some of it is sent again.
func (s *stand) expired() bool {
	return s.condition() == "failed" && s.Failure != nil && s.Failure.Code == "target.expired"
}

// grouped is the group of a draft in a version.
type grouped struct {
	version int64
	group   string
}

// groupsOf gives the groups of drafts. A body is read where it has changed alone: one with thousands of tables takes
// longer than all else in a list.
func (h *Handlers) groupsOf(ctx context.Context, drafts []task.Draft) map[string]grouped {
	h.grouping.Lock()
	defer h.grouping.Unlock()
	now := make(map[string]grouped, len(drafts))
	for _, d := range drafts {
		if g, ok := h.groups[d.ID]; ok && g.version == d.Version {
			now[d.ID] = g
			continue
		}
		d, err := h.Drafts.Draft(ctx, d.ID)
		if err != nil {
			continue // deleted in between
		}
		var body wizardBody
		_ = json.Unmarshal(d.Body, &body) // of another version: then it has no group here
		now[d.ID] = grouped{d.Version, body.About.Group}
	}
	h.groups = now
	return now
}

// draftRow is a task in the wizard.
func draftRow(p *views.Page, d *task.Draft, group string) views.TaskRow {
	url := "/tasks/new/" + d.ID + "/" + d.Step
	return views.TaskRow{ID: d.ID, Name: d.Name, URL: url, Group: group, Updated: p.Time(d.Updated), Rate: "–", Delay: views.Delay{Word: "–", Tone: "idle"},
		Status: views.Status{Tone: "idle", Of: "draft", Word: p.T("state.draft"), Sub: p.T("state.draft_sub")},
		Actions: []views.Action{
			{Text: p.T("task.action.continue"), URL: url, Primary: true, Name: p.T("task.action_of", "Action", p.T("task.action.continue"), "Name", d.Name)},
			{Text: p.T("task.action.delete"), URL: "/tasks/" + d.ID + "/delete", Danger: true, Name: p.T("task.action_of", "Action", strings.TrimSuffix(p.T("task.action.delete"), "…"), "Name", d.Name)},
		}}
}

// since is how long ago a moment was; zero for none.
func since(now, t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(0, now.Sub(t))
}
