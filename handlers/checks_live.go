package handlers

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sluice/engine/task"
	"sluice/views"
)

// checksEvery is how often the pages of a precheck that runs are looked at.
const checksEvery = time.Second

// ticks gives the times at which to look at prechecks, or nothing where no topic is one.
func ticks(topics []string) (<-chan time.Time, func()) {
	for _, t := range topics {
		if strings.HasPrefix(t, "check:") {
			tick := time.NewTicker(checksEvery)
			return tick.C, tick.Stop
		}
	}
	return nil, func() {}
}

// checks renders a precheck while it runs, and once when it is over.
func (f *follower) checks(ctx context.Context, p *views.Page, id string) error {
	running := f.h.Checker.Checking(id)
	runs, err := f.h.Checks.Checks(ctx, id, 1)
	if err != nil || len(runs) == 0 {
		return nil //nolint:nilerr // the next page load says so
	}
	last := "over:" + id
	if run := strconv.FormatInt(runs[0].ID, 10); !running && f.sent[last] == run {
		return nil
	} else if running {
		f.sent[last] = ""
	} else {
		f.sent[last] = run
	}
	s, err := f.h.inspectedByID(ctx, id)
	if err != nil || len(s.runs) == 0 {
		return nil //nolint:nilerr // deleted in between
	}
	m := s.panel(p, &s.runs[0])
	return f.parts(ctx, map[string]templ.Component{
		"check-verdict": views.CheckVerdict(p, m), "check-head": views.CheckHead(p, m), "check-list": views.CheckList(p, m),
		"check-runs": views.CheckRuns(p, m), "check-next": views.CheckNext(p, m),
	})
}

// inspectedByID gives a draft or a task with its prechecks.
func (h *Handlers) inspectedByID(ctx context.Context, id string) (inspected, error) {
	d, b, err := h.openDraft(ctx, id)
	if task.Code(err) != "task.absent" {
		if err != nil {
			return inspected{}, err
		}
		return h.inspectedDraft(ctx, d, b)
	}
	return h.inspectedTask(ctx, id)
}

// inspectedTask gives a task with its prechecks.
func (h *Handlers) inspectedTask(ctx context.Context, id string) (inspected, error) {
	t, err := h.Tasks.Summary(ctx, id)
	if err != nil {
		return inspected{}, err
	}
	kept, err := h.Secrets.Secrets(ctx, t.ID)
	if err != nil {
		return inspected{}, err
	}
	t.Spec.Source.Password, t.Spec.Target.Password = kept["source"], kept["target"]
	return h.inspect(ctx, inspected{id: t.ID, url: "/tasks/" + url.PathEscape(t.ID) + "/precheck", spec: t.Spec, about: t.About})
}
