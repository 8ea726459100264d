package oracle

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// chain is one key: what the ledger says of it and what the topic says.
type chain struct {
	c       *checker
	key     int32
	keyless bool
	steps   []step
	states  []Hash // before step i; one more than steps
	real    []int  // the steps that a record answers: all but opSet
	changes []event
	inits   int
	image   Hash // of the INIT; of a table without a key the sum of all
	initRec int32
	late    bool // an INIT stands behind a change
}

// judge compares one key.
func (c *checker) judge(n int32) {
	k := &c.chain
	k.load(c, n)
	k.place()
	cut := len(k.real) - len(k.changes)
	matched := cut >= 0 && k.inits <= k.allowed() && !k.late && k.begins(cut) && k.follows(cut)
	if matched {
		k.confirm(cut)
	} else {
		k.diagnose()
	}
	k.final(matched)
}

func (k *chain) load(c *checker, n int32) {
	*k = chain{c: c, key: n, keyless: len(c.l.keys[n].table.def.key) == 0, steps: k.steps[:0], states: k.states[:0],
		real: k.real[:0], changes: k.changes[:0], initRec: -1}
	var state Hash
	k.states = append(k.states, state)
	for i := c.stepHead[n]; i >= 0; i = c.steps[i].next {
		s := c.steps[i]
		if s.op != opSet {
			k.real = append(k.real, len(k.steps))
		}
		k.steps = append(k.steps, s)
		if k.keyless && s.op != opSet {
			state = state.plus(s.after).minus(s.before)
		} else {
			state = s.after
		}
		k.states = append(k.states, state)
	}
	for i := c.evHead[n]; i >= 0; i = c.events[i].next {
		e := c.events[i]
		if e.op != OpInit {
			k.changes = append(k.changes, e)
			continue
		}
		k.late = k.late || len(k.changes) > 0
		if k.inits == 0 {
			k.initRec, k.image = e.record, e.after
		} else if k.keyless {
			k.image = k.image.plus(e.after)
		}
		k.inits++
	}
}

// allowed is how many INIT records the key may have.
func (k *chain) allowed() int {
	switch {
	case k.c.o.From != nil:
		return 0
	case k.keyless:
		return k.inits
	}
	return 1
}

// place wants all records of the key in one partition.
func (k *chain) place() {
	var first *Record
	for i := k.c.evHead[k.key]; i >= 0; i = k.c.events[i].next {
		r := &k.c.topics.Records[k.c.events[i].record]
		if first == nil {
			first = r
		}
		if r.Partition != first.Partition || r.Topic != first.Topic {
			k.c.r.Moved++
			k.example("moved", "%s, but %s", first, r)
			return
		}
	}
}

// begins says whether the records may begin behind the first cut changes.
func (k *chain) begins(cut int) bool {
	if k.c.o.From != nil {
		return cut == k.passed(*k.c.o.From)
	}
	lo, hi := 0, len(k.steps)
	if cut > 0 {
		lo = k.real[cut-1] + 1
	}
	if cut < len(k.real) {
		hi = k.real[cut]
	}
	// Statements between two changes also make states: any of them will do.
	for _, s := range k.states[lo : hi+1] {
		if s == k.image {
			return true
		}
	}
	return false
}

// passed counts the changes that end at or before p.
func (k *chain) passed(p Position) int {
	return sort.Search(len(k.real), func(i int) bool {
		return k.c.l.Txns[k.c.l.Changes[k.steps[k.real[i]].change].Txn].End.Compare(p) > 0
	})
}

func (k *chain) follows(cut int) bool {
	for i := range k.changes {
		s, e := &k.steps[k.real[cut+i]], &k.changes[i]
		if s.op != e.op || s.before != e.before || s.after != e.after {
			return false
		}
	}
	return true
}

// confirm checks what is left of a key whose records fit.
func (k *chain) confirm(cut int) {
	c := k.c
	for i := range k.changes {
		s, e := &k.steps[k.real[cut+i]], &k.changes[i]
		c.answers[e.record] = s.change
		r := &c.topics.Records[e.record]
		if whole := e.half == 'u'; whole != (s.half != 0 && r.Half == 0 && r.Op == OpUpdate) || !whole && e.half != s.half {
			c.r.Halves++
			k.example("halves", "%s answers %s", r, k.describe(s))
		}
	}
	if k.inits > 0 && !c.o.Moved {
		r := &c.topics.Records[k.initRec]
		if (r.Pos != Position{}) && k.passed(r.Pos) != cut {
			c.r.Positions++
			k.example("positions", "%s is of %s, where %d changes had passed, and the records go on after %d", r, r.Pos, k.passed(r.Pos), cut)
		}
	}
}

// content is what makes two changes the same.
type content struct {
	op            Op
	before, after Hash
}

// diagnose finds out what is wrong with a key whose records don't fit.
func (k *chain) diagnose() {
	r := k.c.r
	if extra := k.inits - k.allowed(); extra > 0 {
		r.Doubled += extra
		k.example("doubled", "%d INIT records", k.inits)
	}
	if k.late {
		r.OutOfOrder++
		k.example("out of order", "INIT behind a change")
	}
	cut, ok := k.bestCut()
	if !ok {
		r.WrongImage++
		k.example("wrong image", "INIT %s is no state of the row", k.c.text(k.image))
	}
	k.compare(cut)
}

// bestCut gives the cut that explains the records with the fewest faults; ok is false if no state fits the INIT.
func (k *chain) bestCut() (best int, ok bool) {
	guess := max(0, len(k.real)-len(k.changes))
	if k.c.o.From != nil {
		return k.passed(*k.c.o.From), true
	}
	var cuts []int
	for q := 0; q <= len(k.real); q++ {
		if k.begins(q) {
			cuts = append(cuts, q)
		}
	}
	if len(cuts) == 0 {
		return guess, false
	}
	slices.SortStableFunc(cuts, func(a, b int) int { return distance(a, guess) - distance(b, guess) })
	cuts = cuts[:min(len(cuts), 200)]
	least := -1
	for _, q := range cuts {
		lost, extra := k.difference(q)
		if cost := len(lost) + len(extra); least < 0 || cost < least {
			best, least = q, cost
		}
	}
	return best, true
}

func distance(a, b int) int { return max(a-b, b-a) }

// difference gives the steps behind the cut that no record answers and the records that answer none.
func (k *chain) difference(cut int) (lost []step, extra []event) {
	have := map[content]int{}
	for _, e := range k.changes {
		have[content{e.op, e.before, e.after}]++
	}
	for _, i := range k.real[cut:] {
		s := k.steps[i]
		id := content{s.op, s.before, s.after}
		if have[id] > 0 {
			have[id]--
		} else {
			lost = append(lost, s)
		}
	}
	for _, e := range slices.Backward(k.changes) {
		if id := (content{e.op, e.before, e.after}); have[id] > 0 {
			have[id]--
			extra = append(extra, e)
		}
	}
	return lost, extra
}

// compare reports the faults behind the cut.
func (k *chain) compare(cut int) {
	r := k.c.r
	lost, extra := k.difference(cut)
	known := map[content]bool{}
	for _, i := range k.real {
		s := k.steps[i]
		known[content{s.op, s.before, s.after}] = true
	}
	for _, e := range extra {
		record := &k.c.topics.Records[e.record]
		if known[content{e.op, e.before, e.after}] {
			r.Doubled++
			k.example("doubled", "%s: %s -> %s", record, k.c.text(e.before), k.c.text(e.after))
			continue
		}
		r.WrongImage++
		if len(lost) == 0 {
			k.example("wrong image", "%s: %s -> %s", record, k.c.text(e.before), k.c.text(e.after))
			continue
		}
		k.example("wrong image", "%s: %s -> %s, the ledger has %s", record, k.c.text(e.before), k.c.text(e.after), k.describe(&lost[0]))
		lost = lost[1:]
	}
	r.Lost += len(lost)
	for i := range lost {
		k.example("lost", "%s", k.describe(&lost[i]))
	}
	if len(lost)+len(extra) == 0 && len(k.real)-cut == len(k.changes) && !k.follows(cut) {
		r.OutOfOrder++
		k.example("out of order", "%s", k.order())
	}
}

// order shows the records of a key that stand in the wrong order.
func (k *chain) order() string {
	var b strings.Builder
	for i, e := range k.changes[:min(len(k.changes), 6)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s -> %s", &k.c.topics.Records[e.record], k.c.text(e.before), k.c.text(e.after))
	}
	return b.String()
}

// final compares the state that the topic leaves with the table, or with the ledger where the table is not known.
func (k *chain) final(matched bool) {
	state := k.image
	for _, e := range k.changes {
		if state = e.after; k.keyless {
			state = k.image.plus(e.after).minus(e.before)
			k.image = state
		}
	}
	if k.c.o.From != nil && (len(k.changes) == 0 || k.keyless) {
		return // the topic does not hold the whole state
	}
	// What a statement did has no record of its own: behind the last change it is applied to what the topic holds.
	for i, s := range k.steps {
		if s.op != opSet {
			continue
		}
		behind := i >= k.tail()
		switch {
		case !matched && behind || k.keyless && !behind:
			return
		case behind:
			state = s.after
		}
	}
	want := k.states[len(k.states)-1]
	if k.c.tables != nil && k.c.o.Until == nil {
		want = k.c.tableState(k.key)
	}
	if state != want {
		k.c.r.Final++
		k.example("final", "the topic ends with %s, the table with %s", k.c.text(state), k.c.text(want))
	}
}

// tail is the first step behind the last change.
func (k *chain) tail() int {
	if n := len(k.real); n > 0 {
		return k.real[n-1] + 1
	}
	return 0
}

// tableState is the row of a key in the table as it was read; a table that is gone has no rows.
func (c *checker) tableState(n int32) Hash {
	k := &c.l.keys[n]
	rows := c.tables[k.table.def.object]
	switch {
	case rows == nil || c.l.tables[k.table.def.name] != k.table:
		return Hash{}
	case rows.keyless:
		return rows.Sum
	}
	return rows.Images[sum(k.text)]
}

func (k *chain) describe(s *step) string {
	ch := &k.c.l.Changes[s.change]
	txn := &k.c.l.Txns[ch.Txn]
	half := ""
	if s.half != 0 {
		half = " (half " + string(s.half) + " of an UPDATE)"
	}
	return fmt.Sprintf("%s%s of %s row %d at %s: %s -> %s", s.op, half, txn.TID, ch.Row, txn.Start, k.c.text(s.before), k.c.text(s.after))
}

func (k *chain) example(verdict, format string, args ...any) {
	if len(k.c.r.Examples) < maxExamples {
		k.c.r.example("%s: %s: %s", verdict, readableKey(k.c.l.keys[k.key].text), fmt.Sprintf(format, args...))
	}
}

// text prints an image for an example.
func (c *checker) text(h Hash) string {
	if t, ok := c.topics.texts[h]; ok && !h.isZero() {
		return "{" + readable([]byte(t)) + "}"
	}
	return c.l.text(h)
}
