package precheck

import (
	"context"
	"slices"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// patience is how long one check may take, or one try of the way to a server.
const patience = time.Minute

// check is one line of the precheck.
type check struct {
	id, group string
	severity  Severity // of a failure, unless the finding says otherwise
	needs     need
	when      func(*Deps) bool // whether it applies at all; nil: always
	run       func(context.Context, *facts) finding
}

// need is what must be there for a check to make sense; several may be joined.
type need uint8

const (
	aSource need = 1 << iota
	aMySQL
	aMariaDB
	theList    // of tables, with one of those that are selected
	someTables // whose definitions could be read
	aTarget
	theTopics
)

// whole adds what goes without saying: a kind of server is known with a source.
func (n need) whole() need {
	if n&(aMySQL|aMariaDB) != 0 {
		n |= aSource
	}
	return n
}

// grounds says which check brings what others need, and the finding of those where it could not.
var grounds = []struct {
	need
	id, code string
	there    func(*facts) bool
}{
	{aSource, "source.connect", "skipped.source", func(f *facts) bool { return f.source != nil }},
	{theList, "objects.exist", "skipped.tables", (*facts).listsAny},
	{someTables, "objects.exist", "skipped.tables", func(f *facts) bool { return len(f.tables) > 0 }},
	{aTarget, "target.connect", "skipped.target", func(f *facts) bool { return f.target != nil }},
	{theTopics, "target.topics", "skipped.topics", func(f *facts) bool { return f.topics != nil }},
}

// facts is what earlier checks found for later ones.
type facts struct {
	*Deps
	source   Source
	flavor   cdc.Flavor
	version  string
	listed   map[cdc.TableID]Table
	tables   []*cdc.Table
	selected map[cdc.TableID]*task.Table // see asked
	target   Target
	tooOld   error // of a broker whose version is not supported
	topics   map[string]Topic
	binlog   lookedAt // for the first time
}

// Run does the checks, one after the other, and gives them with the failed ones first. Its error is that of ctx.
//
// Report, which may be nil, is given all items in the order of the checks whenever one changes: they wait, run, and
// have an outcome. Those for one kind of server come in once the kind is known. Only, if given, are the ids of the
// checks that are wanted; those that bring what they need run too.
func Run(ctx context.Context, d *Deps, report func([]Item), only ...string) ([]Item, error) {
	f := &facts{Deps: d}
	chosen := choose(d, only)
	items := make([]Item, len(chosen))
	told := func() []Item { // without those of which it is not known whether they apply
		return slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return i.Status == "" })
	}
	set := func(i int, item Item) {
		if items[i] = item; report != nil {
			report(told())
		}
	}
	for i, c := range chosen {
		if c.needs&(aMySQL|aMariaDB) == 0 {
			items[i] = c.item(Waiting)
		}
	}
	for i, c := range chosen {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if f.otherKind(c.needs) {
			continue
		}
		set(i, c.item(Running))
		item := c.do(ctx, f)
		if ctx.Err() != nil { // what it found is but that it was ended
			return nil, context.Cause(ctx)
		}
		set(i, item)
	}
	items = told()
	order(items)
	return items, nil
}

func checks() []check {
	return slices.Concat(sourceChecks(), binlogChecks(), objectChecks(), targetChecks(), taskChecks())
}

// choose gives the checks that apply, in order; with only, those and what they depend on.
func choose(d *Deps, only []string) []check {
	wanted := map[string]bool{}
	for _, id := range only {
		wanted[id] = true
	}
	all := slices.DeleteFunc(checks(), func(c check) bool { return c.when != nil && !c.when(d) })
	if len(only) == 0 {
		return all
	}
	// What a check depends on is before it.
	for _, c := range slices.Backward(all) {
		if !wanted[c.id] {
			continue
		}
		for _, g := range grounds {
			if c.needs.whole()&g.need != 0 {
				wanted[g.id] = true
			}
		}
	}
	return slices.DeleteFunc(all, func(c check) bool { return !wanted[c.id] })
}

func (c *check) item(s Status) Item {
	i := Item{ID: c.id, Group: c.group, Status: s, Severity: c.severity, Expected: text("check."+c.id+".expected", nil)}
	if i.Severity == "" {
		i.Severity = Error
	}
	return i
}

func (c *check) do(ctx context.Context, f *facts) Item {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	found := finding{code: f.missing(c.needs), status: Skipped}
	if found.code == "" {
		found = c.run(ctx, f)
	}
	item := c.item(found.status)
	item.Took, item.Code, item.Params = time.Since(began), found.code, found.params
	item.Observed, item.Cause, item.Fix = found.sentences()
	if found.status == Failed && found.severity != "" {
		item.Severity = found.severity
	}
	return item
}

// missing says which ground a check lacks.
func (f *facts) missing(n need) (code string) {
	for _, g := range grounds {
		if n.whole()&g.need != 0 && !g.there(f) {
			return g.code
		}
	}
	return ""
}

// otherKind reports whether the check is for the other kind of server than the one that was found.
func (f *facts) otherKind(n need) bool {
	return f.source != nil && (n&aMySQL != 0 && f.flavor != cdc.MySQL || n&aMariaDB != 0 && f.flavor != cdc.MariaDB)
}

// What a task does decides which checks apply.
func following(d *Deps) bool        { return d.Spec.Incremental }
func copying(d *Deps) bool          { return d.Spec.Full }
func buries(d *Deps) bool           { return d.Spec.DeadLetterTopic != "" }
func copiesAndFollows(d *Deps) bool { return d.Spec.Full && d.Spec.Incremental }
