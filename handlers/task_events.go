package handlers

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// TaskEvents shows the history of a task, the newest first.
func (h *Handlers) TaskEvents(c echo.Context) error {
	p, s, head, err := h.stand(c, "events")
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(c.QueryParam("before"), 10, 64) // none: from the newest on
	events, err := h.Tasks.History(c.Request().Context(), s.ID, before, pageLong+1)
	if err != nil {
		return err
	}
	m := &views.TaskEvents{Head: head}
	if len(events) > pageLong {
		events = events[:pageLong]
		m.Pages.Next = "/tasks/" + s.ID + "/events?before=" + strconv.FormatInt(events[pageLong-1].ID, 10)
	}
	if before > 0 {
		m.Pages.Prev = "/tasks/" + s.ID + "/events"
	}
	for _, e := range events {
		m.Rows = append(m.Rows, eventRow(p, e))
	}
	return render(c, http.StatusOK, views.TaskEventsPage(p, m))
}

var eventTones = map[string]string{"info": "idle", "warning": "warn", "error": "bad"}

// eventRow renders an event by its code, as errors are; the parameters fill {{.P1}}, {{.P2}} or their names.
func eventRow(p *views.Page, e task.Event) views.EventRow {
	r := views.EventRow{ID: strconv.FormatInt(e.ID, 10), Time: p.Time(e.At), Tone: eventTones[e.Level], Text: e.Code, Code: e.Code}
	var args []any
	if e.Code == "snapshot.chunk_waits" {
		why := e.Params["2"]
		e.Params = maps.Clone(e.Params)
		if e.Params["2"] = p.T("waits.failed"); p.Has("waits." + why) {
			e.Params["2"] = p.T("waits." + why)
		} else {
			r.Said = why
		}
	}
	if why := "spool." + e.Params["1"]; e.Code == "spool.discarded" && p.Has(why) {
		e.Params = map[string]string{"1": p.T(why)}
	}
	if e.Code == "config.changed" {
		var names []string
		for name := range strings.SplitSeq(e.Params["1"], ",") {
			names = append(names, p.T("config.changed."+name))
		}
		e.Params = map[string]string{"1": strings.Join(names, p.T("config.and"))}
	}
	if at, err := time.Parse(time.RFC3339, e.Params["3"]); e.Code == "horizon.near" {
		e.Params = maps.Clone(e.Params)
		if e.Params["3"] = p.T("horizon.purged"); err == nil {
			e.Params["3"] = deadlineAt(p, at)
		}
	}
	for name, value := range e.Params {
		if _, err := strconv.Atoi(name); err == nil {
			name = "P" + name
		}
		args = append(args, name, localized(p, value))
	}
	switch {
	case p.Has("event." + e.Code):
		r.Text = p.T("event."+e.Code, args...)
		if cause := e.Params["code"]; cause != "" {
			r.Detail = p.Error(cause, cause, "").Text
		}
		if e.Code == "task.retry" {
			r.Said = e.Params["1"]
		}
	case p.Has("error." + e.Code):
		r.Text, r.Said = p.T("error."+e.Code), e.Params["text"]
	default:
		r.Said = e.Params["1"]
	}
	return r
}
