package handlers

import (
	"sync"
	"time"

	"sluice/engine/task"
)

// How many wrong sign-ins are allowed, for one address and for one user, before there is a wait.
const (
	attemptsFree = 5
	attemptsWait = time.Minute
	attemptsKept = 10_000
)

// attempts slows down who guesses passwords.
type attempts struct {
	now func() time.Time
	mu  sync.Mutex
	of  map[string]*attempt
}

type attempt struct {
	wrong int
	until time.Time // no earlier; also when it is forgotten
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, of: map[string]*attempt{}}
}

// allow refuses while any of the keys has to wait.
func (a *attempts) allow(keys ...string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range keys {
		if t := a.of[k]; t != nil && t.wrong >= attemptsFree && a.now().Before(t.until) {
			return &task.Error{Code: "auth.too_many", Text: "There were too many wrong passwords.", Hint: "Wait a minute, then try again."}
		}
	}
	return nil
}

// note counts a wrong sign-in, or forgets those before a right one.
func (a *attempts) note(right bool, keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if len(a.of) > attemptsKept {
		for k, t := range a.of {
			if now.After(t.until) {
				delete(a.of, k)
			}
		}
	}
	for _, k := range keys {
		if right {
			delete(a.of, k)
			continue
		}
		t := a.of[k]
		if t == nil || now.After(t.until.Add(attemptsWait)) {
			t = &attempt{}
			a.of[k] = t
		}
		t.wrong++
		t.until = now.Add(attemptsWait)
	}
}
