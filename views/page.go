package views

import (
	"slices"
	"strings"
	"time"

	"sluice/views/i18n"
)

// Page is what every page needs beside its model.
type Page struct {
	*i18n.Locale
	Title    string // of the document, without the product's name
	Failed   bool   // a form came back with errors: the title says so
	Theme    string // "light", "dark" or "", which is the system's
	Path     string // of the page with its query, where the switches return to
	CSRF     string
	User     string // empty: not signed in
	Flash    *Flash // what the person has just done
	Live     string // topics of the stream, "" is none: "list:IDS", "task:ID"
	Refresh  int    // seconds after which a page without JavaScript loads itself again; 0: never
	Demo     string // what the demo stands on; empty in production
	Warnings []string
	Now      time.Time
	Assets   func(name string) string // the address of a static file, with its hash in it; nil: plain
}

// Flash says that something worked. What it says of a task is over once the task has come to another state.
type Flash struct {
	Key  string
	Name string
	Task string `json:",omitempty"` // its id, where the words tell a state
}

// flashStates are the conditions in which the words of a flash are true.
var flashStates = map[string][]string{
	"flash.task.start": {"new", "scheduled", "starting"},
	"flash.task.pause": {"pausing", "paused"},
	"flash.task.end":   {"migrating", "ending"},
}

// Settle takes the flash away where the task that it tells of is in another state by now.
func (p *Page) Settle(task, condition string) {
	if p.Flash != nil && p.Flash.Task == task && !slices.Contains(flashStates[p.Flash.Key], condition) {
		p.Flash = nil
	}
}

func (f *Flash) states() string { return strings.Join(flashStates[f.Key], " ") }

// Heading is the document's title.
func (p *Page) Heading() string {
	title := p.Title
	if p.Failed {
		title = p.T("form.title_error", "Title", title)
	}
	return title + " – Sluice"
}

// Error is a failure in the reader's language.
type Error struct {
	Code   string
	Text   string
	Hint   string
	Detail string // our own words for it, as they were reported: in English
	Said   string // the server's words for it, as it said them

	Statement bool // the hint is a statement to run, in no language
	// Of a failure that is tried again by itself: what is said of the next try, the same with @ in the place of the
	// seconds that are left, and these seconds.
	Passing                bool
	Again, AgainText, Left string
}

// Fix is the hint taken apart.
func (e *Error) Fix() []FixPart {
	if e.Statement {
		return []FixPart{{Text: e.Hint, Code: true}}
	}
	return []FixPart{{Text: e.Hint}}
}

// Marked is the hint in a text that FixParts takes apart.
func (e *Error) Marked() string {
	if e.Statement {
		return fence + "\n" + e.Hint + "\n" + fence
	}
	return e.Hint
}

func (e *Error) tone() string {
	if e.Passing {
		return "warn"
	}
	return "bad"
}

func (e *Error) icon() string {
	if e.Passing {
		return "warning"
	}
	return "failed"
}

// Error renders a failure by its code. Where the catalogue leaves a hint out, the failure's own is a statement to run.
// A code of a version that is not this one is something unexpected.
func (p *Page) Error(code, text, hint string) *Error {
	e := &Error{Code: code, Text: p.T("error.internal"), Hint: p.T("error.internal.hint"), Detail: text}
	if key := "error." + code; p.Has(key) {
		e.Text, e.Hint, e.Statement = p.T(key), hint, hint != ""
		if p.Has(key + ".hint") {
			e.Hint, e.Statement = p.T(key+".hint"), false
		}
	}
	if e.Detail == e.Text {
		e.Detail = ""
	}
	return e
}

// Option is one choice of a list.
type Option struct {
	Value, Text, Hint string
	Facts             []string // more of it, for what stands below the list
}

// Field is one control of a form.
type Field struct {
	Name         string // also its id
	Label, Hint  string
	Value        string
	Error        string
	Type         string // text by default
	Autocomplete string
	InputMode    string
	Placeholder  string
	Options      []Option // of a select or of radios
	List         []string // suggestions
	Required     bool
	Checked      bool // of a checkbox
	Wide         bool
}

func (f Field) describedBy() string {
	switch {
	case f.Error != "" && f.Hint != "":
		return f.Name + "-hint " + f.Name + "-error"
	case f.Error != "":
		return f.Name + "-error"
	case f.Hint != "":
		return f.Name + "-hint"
	}
	return ""
}

func (f Field) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

// FieldError is one line of the summary above a form that came back.
type FieldError struct {
	Name string // of the field
	Text string
}

// Asset is the address of a static file.
func (p *Page) Asset(name string) string {
	if p.Assets == nil {
		return "/static/" + name
	}
	return p.Assets(name)
}

// short cuts the middle out of a long text that is shown to be copied, as a set of transactions of many servers is.
func short(text string) string {
	const most, head, tail = 72, 48, 16
	if r := []rune(text); len(r) > most {
		return string(r[:head]) + "…" + string(r[len(r)-tail:])
	}
	return text
}
