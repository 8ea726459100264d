package handlers

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"sluice/engine/progress"
	"sluice/engine/task"
	"sluice/views"
)

// Tasks is what is kept of tasks.
type Tasks interface {
	Tasks(ctx context.Context) ([]task.Outline, error) // all, the newest first
	Summaries(ctx context.Context, ids ...string) ([]task.Summary, error)
	Summary(ctx context.Context, id string) (task.Summary, error)
	TableProgress(ctx context.Context, id string) ([]task.TableProgress, error)
	History(ctx context.Context, id string, before int64, limit int) ([]task.Event, error)
}

// Drafts is what is kept of tasks that are being put together.
type Drafts interface {
	Drafts(ctx context.Context) ([]task.Draft, error) // all, without their bodies
	Draft(ctx context.Context, id string) (task.Draft, error)
	NewDraft(ctx context.Context, d task.Draft) (task.Draft, error)
	SaveDraft(ctx context.Context, d task.Draft) (task.Draft, error)
	DeleteDraft(ctx context.Context, id string) error
}

// Checks is what is kept of prechecks.
type Checks interface {
	Checks(ctx context.Context, subject string, limit int) ([]task.CheckRun, error)
	Acknowledge(ctx context.Context, run int64, item, user, why string) error
}

// Runner acts on tasks. Every method refuses what the task's state does not allow.
type Runner interface {
	Start(ctx context.Context, id string) error // starts, resumes and tries again
	// Repeat goes on with a task that failed with target.expired: what it can't know to be sent it sends again.
	Repeat(ctx context.Context, id string) error
	Pause(ctx context.Context, id string) error
	End(ctx context.Context, id string) error
	Delete(ctx context.Context, id string) error
	Clone(ctx context.Context, id string) (draft string, err error)
	// Configure keeps a specification that differs in what is named by changed; an empty password stays as it is.
	Configure(ctx context.Context, id string, spec task.Spec, about task.About, changed []string) error
}

// Statuses is the live side of tasks.
type Statuses interface {
	Status(id string) (progress.Status, bool)
	History(id string) []progress.Point
	Watch(ids ...string) *progress.Watch
}

// Accounts is who may sign in.
type Accounts interface {
	HasUsers(ctx context.Context) (bool, error)
	TicketValid(ctx context.Context, ticket string) (user string, err error)
	Setup(ctx context.Context, ticket, name, password string) (session string, err error)
	SignIn(ctx context.Context, name, password string) (session string, err error)
	SignInWithTicket(ctx context.Context, ticket string) (session string, err error)
	SignOut(ctx context.Context, session string) error
	SignOutAll(ctx context.Context, user string) error
	HasPassword(ctx context.Context, user string) (bool, error)
	ChangePassword(ctx context.Context, user, session, old, password string) error
}

// Auditor keeps who did what.
type Auditor interface {
	Audit(ctx context.Context, user, action, subject string, params map[string]string) error
}

// Deps is all that the actions work with.
type Deps struct {
	Tasks    Tasks
	Drafts   Drafts
	Checks   Checks
	Checker  Checker
	Maker    Maker
	Secrets  Secrets
	Prober   Prober
	Runner   Runner
	Statuses Statuses
	Accounts Accounts
	Audit    Auditor
	Messages Messages
	Schema   string // of the messages
	Now      func() time.Time
	// Sessions sets and clears the cookie of a session.
	Sessions interface {
		Set(c echo.Context, session string)
		Get(c echo.Context) string
		Clear(c echo.Context)
	}
}

// Handlers has one method an action.
type Handlers struct {
	Deps
	attempts *attempts
	probes   *probes
	making   sync.Mutex // of tasks out of drafts
	grouping sync.Mutex
	groups   map[string]grouped // of drafts that were listed last
}

// New gives the actions.
func New(d Deps) *Handlers {
	return &Handlers{Deps: d, attempts: newAttempts(d.Now), probes: newProbes(d.Now)}
}

// PageKey is where the web room leaves the page of a request.
const PageKey = "page"

// pageOf gives the page that the web room has prepared.
func pageOf(c echo.Context) *views.Page { return c.Get(PageKey).(*views.Page) }

// render writes a page; the renderer buffers it, so that a failure leaves no half of one.
func render(c echo.Context, status int, page templ.Component) error {
	return c.Render(status, "", page)
}

// FlashKey is where an action leaves what the next page says; the web room carries it there.
const FlashKey = "flash"

// done redirects after something has worked, and lets the next page say so.
func done(c echo.Context, to, key, name string) error { return doneTo(c, to, key, name, "") }

// doneTo is done for what puts a task into a state: the next page says so while it is in that state.
func doneTo(c echo.Context, to, key, name, task string) error {
	c.Set(FlashKey, views.Flash{Key: key, Name: name, Task: task})
	return c.Redirect(http.StatusSeeOther, to)
}

// audit keeps what the person did; that it was done does not depend on it.
func (h *Handlers) audit(c echo.Context, action, subject string, params map[string]string) {
	if err := h.Audit.Audit(context.WithoutCancel(c.Request().Context()), pageOf(c).User, action, subject, params); err != nil {
		c.Logger().Error(err)
	}
}
