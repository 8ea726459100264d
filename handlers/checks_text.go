package handlers

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

// checkTexts are the texts of an item in the reader's language.
type checkTexts struct {
	name, what, why                string
	observed, expected, cause, fix string
	raw                            string // what the other side said, as it said it
}

// itemTexts takes the texts by the ids of check and finding; those that the catalogue lacks stay as the check wrote
// them.
func itemTexts(p *views.Page, i *task.CheckItem) checkTexts {
	check := "check." + i.ID + "."
	text := catalogued(p, i.Params)
	t := checkTexts{name: text(check+"name", i.ID), what: text(check+"what", ""), why: text(check+"why", ""), expected: text(check+"expected", i.Expected)}
	if i.Status == "waiting" || i.Status == "running" {
		return t
	}
	t.observed, t.cause, t.fix = FindingTexts(p, i.Code, i.Params, i.Observed, i.Cause, i.Fix)
	if i.Status != "failed" {
		t.cause, t.fix = "", ""
		return t
	}
	t.raw = i.Params["Detail"]
	if passed := i.Params["Passed"]; passed != "" {
		t.observed += "\n" + p.T("precheck.way", "Passed", stages(p, passed))
	}
	return t
}

// FindingTexts gives what was observed, its cause and what to do about it in the reader's language. Of a finding that
// is an error of the engine the texts are those of the error.
func FindingTexts(p *views.Page, code string, params map[string]string, observed, cause, fix string) (string, string, string) {
	if failure := params["Code"]; failure != "" {
		told := p.Error(failure, params["Text"], params["Hint"])
		own := maps.Clone(params)
		own["Text"], own["Hint"] = told.Text, told.Marked()
		if code == "error" {
			return told.Text, "", told.Marked()
		}
		params = own
	}
	if params["Codes"] != "" && p.Tag() != i18n.English {
		params = translated(p, params)
	}
	text, at := catalogued(p, params), "finding."+code+"."
	return text(at+"observed", observed), text(at+"cause", cause), text(at+"fix", fix)
}

// translated puts the texts of errors in the place of their English sentences, which name more: those stay as what was
// said.
func translated(p *views.Page, params map[string]string) map[string]string {
	var problems, hints []string
	for _, code := range strings.Fields(params["Codes"]) {
		told := p.Error(code, code, "")
		problems, hints = append(problems, told.Text), append(hints, told.Marked())
	}
	own := maps.Clone(params)
	own["Problems"] = strings.Join(problems, "\n") + "\n" + p.T("precheck.original", "Text", params["Problems"])
	own["Hints"] = strings.Join(slices.Compact(hints), "\n")
	return own
}

// catalogued gives texts of the catalogue filled with parameters. What an empty parameter leaves at the end is cut. A
// text with a parameter that an item of an older version lacks is not used.
func catalogued(p *views.Page, params map[string]string) func(key, otherwise string) string {
	var args []any
	for name, value := range params {
		if value = localized(p, value); name == "Passed" {
			value = stages(p, value)
		}
		args = append(args, name, value)
	}
	return func(key, otherwise string) string {
		if !p.Has(key) {
			return otherwise
		}
		if text := p.T(key, args...); !strings.Contains(text, "<no value>") {
			return strings.TrimRight(text, " :：\n")
		}
		return otherwise
	}
}

// duration is a length of time as the checks write it: 1h30m0s.
var duration = regexp.MustCompile(`^(\d+h)?(\d+m)?\d+(\.\d+)?s$`)

// stage is one of a way with its time, as the checks write it.
var stage = regexp.MustCompile(`\b([a-z]+) (\d[0-9.hmµn]*s\b)`)

// stages names the stages of a way in the reader's language: "dns 1ms, tcp 2ms".
func stages(p *views.Page, passed string) string {
	return stage.ReplaceAllStringFunc(passed, func(word string) string {
		name, took, _ := strings.Cut(word, " ")
		if key := "wizard.stage." + name; p.Has(key) {
			return p.T(key) + " " + took
		}
		return word
	})
}

// localized writes a parameter that is a length of time as the reader does.
func localized(p *views.Page, value string) string {
	if !duration.MatchString(value) {
		return value
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return value
	}
	return p.Duration(d)
}
