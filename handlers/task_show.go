package handlers

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// tabs of a task, in their order: the name and the last word of the address.
var tabs = []string{"overview", "tables", "messages", "precheck", "events", "config"}

// stand reads a task with where it stands now, and prepares the page for one of its tabs.
func (h *Handlers) stand(c echo.Context, tab string) (*views.Page, stand, views.TaskHead, error) {
	p := pageOf(c)
	t, err := h.Tasks.Summary(c.Request().Context(), c.Param("id"))
	if err != nil {
		return p, stand{}, views.TaskHead{}, err
	}
	s := h.look(t)
	p.Settle(s.ID, s.condition())
	p.Title = t.Name
	if tab != "" && tab != "overview" {
		p.Title = p.T("show.tab."+tab) + " – " + t.Name
	}
	p.Live = "task:" + t.ID
	return p, s, s.head(p, tab), nil
}

func (s *stand) head(p *views.Page, tab string) views.TaskHead {
	out := views.TaskHead{ID: s.ID, Name: s.Name, Route: route(&s.Spec), Status: s.status(p), Actions: s.actions(p), Problem: s.problem(p)}
	for _, name := range tabs {
		t := views.Tab{Text: p.T("show.tab." + name), URL: "/tasks/" + s.ID + "/" + name, On: name == tab}
		if name == "overview" {
			t.URL = "/tasks/" + s.ID
		}
		if name == "tables" {
			t.Count = p.Number(int64(len(s.Spec.Tables)))
		}
		out.Tabs = append(out.Tabs, t)
	}
	return out
}

// problem is why the task failed, or what it is trying again after.
func (s *stand) problem(p *views.Page) *views.Error {
	if again := s.now.Trying; s.condition() == "retrying" {
		e := problem(p, &again.Failure)
		left := strconv.Itoa(int(math.Ceil(max(0, again.Next.Sub(p.Now).Seconds()))))
		e.Passing, e.Left = true, left
		e.Again, e.AgainText = p.T("state.retrying_next", "N", again.Tries, "S", left), p.T("state.retrying_next", "N", again.Tries, "S", "@")
		return e
	}
	if s.Failure == nil || s.State != task.Failed {
		return nil
	}
	return problem(p, s.Failure)
}

// TaskShow is the overview of one task.
func (h *Handlers) TaskShow(c echo.Context) error {
	p, s, head, err := h.stand(c, "overview")
	if err != nil {
		return err
	}
	p.Live, p.Refresh = "overview:"+s.ID, 5
	return render(c, http.StatusOK, views.OverviewPage(p, h.overview(p, s, head)))
}

func (h *Handlers) overview(p *views.Page, s stand, head views.TaskHead) *views.Overview {
	m := &views.Overview{Head: head, Delay: s.delay(p), Numbers: s.numbers(p), Charts: charts(p, h.Statuses.History(s.ID)), Next: s.next(p), Deadline: s.deadline(p)}
	for i, mark := range s.phases(p) {
		name := []string{"schema", "full", "incremental"}[i]
		mark.Name = p.T("phase." + name)
		m.Phases = append(m.Phases, views.PhaseCard{PhaseMark: mark, Lines: s.lines(p, name, mark.State)})
	}
	m.Facts = s.positions(p)
	return m
}

// positions are how far the source was read, and how far what it holds is delivered.
func (s *stand) positions(p *views.Page) []views.Fact {
	out := []views.Fact{
		{Name: p.T("show.read_to"), Value: dash(s.now.At(s.now.Position)), Code: true},
		{Name: p.T("show.delivered_to"), Value: dash(s.now.At(s.now.Low)), Code: true},
	}
	if s.now.Set != "" {
		out = append(out, views.Fact{Name: p.T("show.gtid_set"), Value: s.now.Set, Code: true})
	}
	return append(out, s.kept(p)...)
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// lines say what a phase has done.
func (s *stand) lines(p *views.Page, phase, state string) []string {
	if state == "none" || state == "todo" {
		return nil
	}
	switch phase {
	case "schema":
		return []string{p.N("show.tables", int64(len(s.Spec.Tables)))}
	case "full":
		out := []string{p.T("show.copied", "N", p.Number(s.now.Copied))}
		if s.now.Estimate > 0 && state != "done" {
			out[0] = p.T("show.copied_of", "N", p.Number(s.now.Copied), "Of", p.Number(s.now.Estimate))
		}
		if left, ok := s.now.Left(); ok {
			out = append(out, leftText(p, left))
		}
		switch s.now.Waiting {
		case "":
		case "snapshot.next_file":
			out = append(out, p.T("show.waiting_file"))
		case "snapshot.source_busy":
			out = append(out, p.T("show.waiting_load", "Threads", p.Number(int64(s.Spec.Threads()))))
		default:
			out = append(out, p.T("show.waiting"))
		}
		return out
	}
	return []string{p.T("show.changes", "I", p.Number(s.now.Inserts), "U", p.Number(s.now.Updates), "D", p.Number(s.now.Deletes), "S", p.Number(s.now.DDLs))}
}

func (s *stand) numbers(p *views.Page) []views.Fact {
	out := []views.Fact{
		{Name: p.T("task.rate"), Value: s.rate(p)},
		{Name: p.T("show.acked"), Value: p.T("show.acked_value", "N", p.Number(s.now.Acked), "Bytes", p.Bytes(s.now.AckedBytes))},
	}
	if s.now.Plain || s.now.Resent+s.now.Doubled > 0 {
		out = append(out, views.Fact{Name: p.T("show.doubles"), Value: p.T("show.doubles_value", "Resent", p.Number(s.now.Resent), "Found", p.Number(s.now.Doubled))})
	}
	if s.Spec.DeadLetterTopic != "" || s.now.DeadLetters > 0 {
		out = append(out, views.Fact{Name: p.T("show.dead_letters"), Value: p.Number(s.now.DeadLetters)})
	}
	if s.live {
		out = append(out, views.Fact{Name: p.T("show.held"), Value: p.Bytes(int64(s.now.Held))})
	}
	return out
}

// next says what the person does now.
func (s *stand) next(p *views.Page) views.Next {
	n := func(key, tone string) views.Next { return views.Next{Text: p.T("next." + key), Tone: tone} }
	switch c := s.condition(); {
	case c == "new":
		return n("new", "info")
	case c == "scheduled":
		return views.Next{Text: p.T("next.scheduled", "At", p.Time(s.StartAt)), Tone: "info"}
	case s.expired():
		next := n("expired", "bad")
		next.URL, next.Link = "/tasks/"+s.ID+"/repeat", p.T("repeat.title")
		return next
	case c == "failed":
		return n("failed", "bad")
	case c == "paused":
		return n("paused", "warn")
	case c == "finished":
		return n("finished", "ok")
	case c == "ending":
		return n("ending", "info")
	case c == "retrying":
		return n("retrying", "warn")
	case c == "migrating" && !s.Spec.Incremental:
		return n("self", "info")
	case c == "migrating" && s.phase() == "incremental" && s.now.NoDelay:
		next := n("caught_up", "ok")
		next.URL, next.Link = "/tasks/"+s.ID+"/end", p.T("end.title")
		return next
	case c == "migrating" && s.phase() == "incremental":
		return n("behind", "info")
	case c == "migrating":
		return n("wait", "info")
	}
	return views.Next{}
}

// quietFor is how long nothing may have been written for the source to count as quiet.
const quietFor = 10 * time.Second

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }
