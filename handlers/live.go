package handlers

import (
	"bytes"
	"context"
	"html"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"sluice/views"
)

// liveEvery is the shortest time between two messages of a stream; what changes faster is taken together.
const liveEvery = 400 * time.Millisecond

// Live follows the topics that the query asks for and sends the parts of pages that have changed, until ctx is over
// or the session is. Topics are "list:" with the ids of the tasks in a list, "task:", "overview:" or "end:" with that of a
// task, and "check:" with that of a draft or a task.
func (h *Handlers) Live(ctx context.Context, c echo.Context, topics []string, send func(html string) error) error {
	var ids []string
	for _, t := range topics {
		_, of, _ := strings.Cut(t, ":")
		ids = append(ids, idsOf(of)...)
	}
	w := h.Statuses.Watch(ids...)
	defer w.Close()
	f := &follower{h: h, p: pageOf(c), topics: topics, sent: map[string]string{}}
	if err := f.send(ctx, nil, send); err != nil {
		return err
	}
	tick, stop := ticks(topics)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.C():
		case <-tick:
		}
		if err := f.send(ctx, append([]string{}, w.Take()...), send); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(liveEvery):
		}
	}
}

// idsOf takes the ids of a topic apart.
func idsOf(topic string) []string {
	return strings.FieldsFunc(topic, func(r rune) bool { return r == '.' })
}

// follower is one browser's stream; it sends nothing twice.
type follower struct {
	h      *Handlers
	p      *views.Page
	topics []string
	sent   map[string]string
	out    bytes.Buffer
}

// send looks at the tasks that have changed; all of them for nil.
func (f *follower) send(ctx context.Context, changed []string, send func(string) error) error {
	page := *f.p
	page.Now = f.h.Now()
	f.out.Reset()
	for _, t := range f.topics {
		kind, id, ok := strings.Cut(t, ":")
		var err error
		switch {
		case !ok:
			continue
		case kind == "list":
			err = f.rows(ctx, &page, idsOf(id), changed)
		default:
			err = f.look(ctx, &page, kind, id)
		}
		if err != nil {
			return err
		}
	}
	if f.out.Len() == 0 {
		return nil
	}
	return send(f.out.String())
}

// rows renders the lines of a list that have changed; for nil those that may have since the page was loaded.
func (f *follower) rows(ctx context.Context, p *views.Page, ids, changed []string) error {
	if changed != nil {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(changed, id) })
	}
	if len(ids) == 0 {
		return nil
	}
	tasks, err := f.h.Tasks.Summaries(ctx, ids...)
	if err != nil {
		return nil //nolint:nilerr // the next page load says so
	}
	for _, t := range tasks {
		s := f.h.look(t)
		if changed == nil && !s.live && p.Now.Sub(t.Updated) > time.Minute {
			continue
		}
		if err := f.row(ctx, p, s); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) row(ctx context.Context, p *views.Page, s stand) error {
	r := s.row(p)
	return f.parts(ctx, map[string]templ.Component{
		"status-" + s.ID: views.TaskStatus(p, r), "phases-" + s.ID: views.PhaseMarks(p, r.Phases), "delay-" + s.ID: views.DelayWord(p, r.Delay),
		"rate-" + s.ID: plain(r.Rate), "actions-" + s.ID: views.Actions(p, r.Actions),
	})
}

// look renders what of a task a kind of page shows. A task that is gone is not an error here.
func (f *follower) look(ctx context.Context, p *views.Page, kind, id string) error {
	if kind == "check" {
		return f.checks(ctx, p, id)
	}
	t, err := f.h.Tasks.Summary(ctx, id)
	if err != nil {
		return nil //nolint:nilerr // deleted in between: the next page load says so
	}
	s := f.h.look(t)
	head := s.head(p, "")
	parts := map[string]templ.Component{"task-status": views.StatusTag(head.Status), "task-actions": views.Actions(p, head.Actions), "task-problem": views.Problem(p, head.Problem)}
	switch kind {
	case "overview":
		m := f.h.overview(p, s, head)
		parts["show-next"], parts["show-phases"], parts["show-delay"] = views.NextStep(m.Next), views.PhaseCards(p, m.Phases), views.DelayWord(p, m.Delay)
		parts["show-deadline"] = views.NextStep(m.Deadline)
		parts["show-numbers"], parts["show-charts"], parts["show-facts"] = views.Facts(p, m.Numbers), views.Charts(p, m.Charts), views.Facts(p, m.Facts)
	case "end":
		m := s.ending(p, head)
		parts["end-steps"], parts["end-live"], parts["end-act"] = views.EndSteps(p, m), views.EndNow(p, m.Live), views.EndAct(p, m)
		parts["end-risk"] = views.EndRisk(p, m.Live)
	}
	return f.parts(ctx, parts)
}

// parts renders and keeps those that differ from what was sent.
func (f *follower) parts(ctx context.Context, parts map[string]templ.Component) error {
	for id, part := range parts {
		var b bytes.Buffer
		if err := part.Render(ctx, &b); err != nil {
			return err
		}
		if was, ok := f.sent[id]; ok && was == b.String() { // what is empty now may have been full on the page
			continue
		}
		f.sent[id] = b.String()
		f.out.WriteString(`<live-part data-target="` + html.EscapeString(id) + `">` + b.String() + `</live-part>`)
	}
	return nil
}

func plain(text string) templ.Component { return templ.Raw(html.EscapeString(text)) }
