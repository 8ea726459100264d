package precheck

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// check is one line of the precheck.
type check struct {
	id, group string
	severity  Severity // of a failure, unless the finding says otherwise
	expected  string
	needs     need
	run       func(context.Context, *facts) finding
}

// need is what must be there for a check to make sense.
type need uint8

const (
	nothing need = iota
	aSource
	aMySQL
	aMariaDB
	someTables // whose definitions could be read
	aTarget
)

// finding is what a check found. The zero finding has passed.
type finding struct {
	observed, cause, fix string
	failed, skipped      bool
	severity             Severity // empty: the check's
}

func passed(observed string) finding { return finding{observed: observed} }

// refused makes a finding of an error: its sentence and its hint.
func refused(err error) finding {
	var e *task.Error
	if !errors.As(err, &e) {
		return finding{failed: true, observed: err.Error()}
	}
	f := finding{failed: true, observed: e.Text, fix: e.Hint, cause: e.Code}
	if e.Err != nil {
		f.observed += ": " + e.Err.Error()
	}
	return f
}

// facts is what earlier checks found for later ones.
type facts struct {
	*Deps
	source  Source
	flavor  cdc.Flavor
	version string
	listed  map[cdc.TableID]Table
	tables  []*cdc.Table
	target  Target
	tooOld  error // of a broker whose version is not supported
	topics  map[string]Topic
}

const (
	noTarget = "not looked at: no connection to the target"
	noTable  = "not looked at: no table could be read"
)

// Run does all checks, one after the other, and gives them with the failed ones first. Its error is that of ctx.
func Run(ctx context.Context, d *Deps) ([]Item, error) {
	f := &facts{Deps: d}
	var items []Item
	for _, c := range checks() {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if item, applies := c.do(ctx, f); applies {
			items = append(items, item)
		}
	}
	order(items)
	return items, nil
}

func checks() []check {
	var all []check
	for _, group := range [][]check{sourceChecks(), binlogChecks(), objectChecks(), targetChecks()} {
		all = append(all, group...)
	}
	return all
}

// do runs a check; applies is false where it is for the other kind of server.
func (c *check) do(ctx context.Context, f *facts) (item Item, applies bool) {
	item = Item{ID: c.id, Group: c.group, Status: Skipped, Severity: c.severity, Expected: c.expected}
	missing, applies := f.missing(c.needs)
	if missing != "" || !applies {
		item.Observed = missing
		return item, applies
	}
	found := c.run(ctx, f)
	item.Status, item.Observed = Passed, found.observed
	switch {
	case found.skipped:
		item.Status = Skipped
	case found.failed:
		item.Status, item.Cause, item.Fix = Failed, found.cause, found.fix
		if found.severity != "" {
			item.Severity = found.severity
		}
	}
	return item, true
}

// missing says why a check has no ground.
func (f *facts) missing(n need) (why string, applies bool) {
	switch n {
	case aSource, aMySQL, aMariaDB, someTables:
		if f.source == nil {
			return "not looked at: no connection to the source", true
		}
		if n == aMySQL && f.flavor != cdc.MySQL || n == aMariaDB && f.flavor != cdc.MariaDB {
			return "", false
		}
		if n == someTables && len(f.tables) == 0 {
			return noTable, true
		}
	case aTarget:
		if f.target == nil {
			return noTarget, true
		}
	}
	return "", true
}

// list writes the first few of many.
func list(words []string) string {
	const most = 10
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
}
