package progress

import (
	"slices"
	"sync"
	"time"
)

const (
	historyLong = 15 * time.Minute
	// stale is when a measurement says nothing of now any more.
	stale = 5 * time.Second
)

// Hub holds the newest status of every task. Its methods may be called from many goroutines.
type Hub struct {
	now func() time.Time

	mu       sync.Mutex
	tasks    map[string]*entry
	watchers map[*Watch]struct{}
}

type entry struct {
	status  Status
	history []Point
	meter   meter
	resting bool // no process works on the task: only its history is of use
}

// NewHub gives an empty hub.
func NewHub(now func() time.Time) *Hub {
	return &Hub{now: now, tasks: map[string]*entry{}, watchers: map[*Watch]struct{}{}}
}

// Update changes the status of a task and tells the watchers. measured says that the change is a measurement of a
// running task, which then counts for the rates and the charts.
func (h *Hub) Update(id string, measured bool, change func(*Status)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.tasks[id]
	if e == nil {
		e = &entry{}
		h.tasks[id] = e
	}
	if e.resting {
		e.resting, e.status, e.meter = false, Status{}, meter{}
		e.rest(h.now()) // until now
	}
	before := e.status.Changes()
	change(&e.status)
	e.status.Task = id
	if measured {
		now := h.now()
		e.status.Measured = now
		if e.status.Changes() > before {
			e.status.LastChange = now
		}
		e.status.PerSecond = e.meter.take(now, e.status.Rows())
		delay := e.status.Delay
		if e.status.NoDelay { // the number is then but the age of the last probe
			delay = 0
		}
		e.history = append(e.history, Point{now, e.status.PerSecond, delay, e.status.Known})
		for len(e.history) > 0 && now.Sub(e.history[0].At) > historyLong {
			e.history = e.history[1:]
		}
	}
	h.tell(id)
}

// Rest is told when the work on a task has ended: its charts go on where it is taken up again.
func (h *Hub) Rest(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.tasks[id]; e != nil && !e.resting {
		e.resting = true
		e.rest(h.now())
	}
	h.tell(id)
}

// rest is a moment at which nothing was done, so that a chart does not draw a line across the pause.
func (e *entry) rest(now time.Time) {
	if len(e.history) > 0 {
		e.history = append(e.history, Point{At: now})
	}
}

// Remove forgets a task.
func (h *Hub) Remove(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tasks, id)
	h.tell(id)
}

// Status gives the newest status of a task. What was measured too long ago is not known any more.
func (h *Hub) Status(id string) (Status, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.tasks[id]
	if e == nil || e.resting {
		return Status{}, false
	}
	s := e.status
	if h.now().Sub(s.Measured) > stale {
		s.Known, s.NoDelay, s.PerSecond = false, false, 0
	}
	return s, true
}

// History gives the measurements of the last minutes, oldest first.
func (h *Hub) History(id string) []Point {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.tasks[id]
	if e == nil {
		return nil
	}
	now, i := h.now(), 0
	for i < len(e.history) && now.Sub(e.history[i].At) > historyLong {
		i++
	}
	return slices.Clone(e.history[i:])
}

// Watch tells of changes. Close it.
type Watch struct {
	hub   *Hub
	ring  chan struct{}
	ids   map[string]bool
	dirty map[string]bool // guarded by hub.mu
}

// Watch tells of changes of the tasks named.
func (h *Hub) Watch(ids ...string) *Watch {
	w := &Watch{hub: h, ring: make(chan struct{}, 1), ids: map[string]bool{}, dirty: map[string]bool{}}
	for _, id := range ids {
		w.ids[id] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers[w] = struct{}{}
	return w
}

// C gets a value when something has changed since Take.
func (w *Watch) C() <-chan struct{} { return w.ring }

// Take gives the tasks that have changed since the last Take.
func (w *Watch) Take() []string {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	ids := make([]string, 0, len(w.dirty))
	for id := range w.dirty {
		ids = append(ids, id)
	}
	clear(w.dirty)
	slices.Sort(ids)
	return ids
}

// Close ends the watch; twice is fine.
func (w *Watch) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	delete(w.hub.watchers, w)
}

// tell marks a task as changed for those who watch it.
func (h *Hub) tell(id string) {
	for w := range h.watchers {
		if !w.ids[id] {
			continue
		}
		w.dirty[id] = true
		select {
		case w.ring <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

// meter is rows a second over the last looks.
type meter struct {
	at   []time.Time
	rows []int64
}

const meterLooks = 5

func (m *meter) take(now time.Time, rows int64) float64 {
	if n := len(m.rows); n > 0 && rows < m.rows[n-1] { // the engine began anew
		m.at, m.rows = nil, nil
	}
	m.at, m.rows = append(m.at, now), append(m.rows, rows)
	if len(m.at) > meterLooks {
		m.at, m.rows = m.at[1:], m.rows[1:]
	}
	span := now.Sub(m.at[0]).Seconds()
	if span <= 0 {
		return 0
	}
	return float64(rows-m.rows[0]) / span
}
