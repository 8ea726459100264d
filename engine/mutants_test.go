package engine

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	runMutants = flag.Bool("mutants", false, "check that the simulation catches wrong variants of the engine's rules")
	mutantOnly = flag.String("mutant.only", "", "only the mutants whose name this regular expression finds")
	mutantFor  = flag.Duration("mutant.for", 2*time.Minute, "time limit for each mutant")
)

type edit struct{ file, old, new string }

type mutant struct {
	name   string
	breaks string // the invariant of doc.go
	edits  []edit
}

// mutants are wrong variants of single rules, as edits of the real code. An edit whose old text is not there exactly
// once is an error, so that a mutant can't rot.
var mutants = []mutant{
	{"low-filepos", "I4", []edit{{"worker.go", "if seen == nil || seen.Includes(o.need) {", "if seen == nil || seen != nil {"}}},
	{"high-gtid", "I4", []edit{{"sim_view_test.go", "	end := s.end() // after the last lock\n", `	end := cdc.Position{File: 1, Offset: 4}
	for i := 0; i < len(s.txs) && s.txs[i].gtid; i++ {
		end = s.finish(i)
	}
	if s.w.starting || s.w.c.maria {
		end = s.end()
	}
`}}},
	{"together-end-first", "I5", []edit{
		{"sim_view_test.go", "	for i, id := range ids {\n		t := slices", "	first := s.end()\n	for i, id := range ids {\n		t := slices"},
		{"sim_view_test.go", "	end := s.end() // after the last lock\n", "	end := s.end()\n	if len(ids) > 1 {\n		end = first\n	}\n"},
	}},
	{"together-one-is-gone", "I7", []edit{{"chunk.go", "		if r.shared[name]--; r.shared[name] > 0 {", "		if r.shared[name]--; false {"}}},
	{"together-uncounted", "I7", []edit{{"begin.go", "		r.shared[name]++\n", "		r.shared[name] = 1\n"}}},
	{"together-one-patch", "I7", []edit{{"sealed.go", "fmt.Sprintf(\"%s+%s+%d\", own, file, at)", "fmt.Sprintf(\"+%s+%d\", file, at)"}}},
	{"together-unsynced", "I7", []edit{{"worker.go", "	return out.finish()\n", "	return out.file.Close()\n"}}},
	{"go-on-again", "I4", []edit{{"worker.go", "		q.After, q.Limit, upto = lastRow, more, ", "		q.Limit, upto = more, "}}},
	{"go-on-to-the-end", "I4", []edit{{"worker.go", "	if res.full = q.Limit > 0 && n == q.Limit; res.full {", "	if res.full = q.Limit > 0 && n == o.limit; res.full {"}}},
	{"together-keyless", "I4", []edit{{"chunk.go", "c.table.ordered && c.mergeable() && !r.byFile", "!r.byFile"}}},
	{"together-by-file", "I4", []edit{{"chunk.go", "c.table.ordered && c.mergeable() && !r.byFile", "c.table.ordered && c.mergeable()"}}},
	{"maria-no-check", "I4", []edit{{"worker.go", "if exact && p.Before(w.os[0].point) {", "if false {"}}},
	{"resend-blind", "I3", []edit{{"lane.go", "		f.resent = true\n", "		f.batch.Sequence = nextSequence(f.batch.Sequence, len(f.entries))\n"}}},
	{"arena-early", "I3", []edit{{"lane.go", "l.arena.release(len(f.all))", "l.arena.release(len(f.all) + 3)"}}},
	{"follow-sequence", "I3", []edit{{"lane.go", "	l.seq = nextSequence(l.seq, n)\n", ""}}},
	{"follow-unsent", "I1", []edit{{"lane.go", "	if l.flight != nil && f.next.Load() != l.flight {", "	if false {"}}},
	{"low-after-view", "I4", []edit{{"chunk.go", "		c.locked, c.H, c.q, c.exact = true,", "		c.S, c.queue = r.point, nil\n		c.locked, c.H, c.q, c.exact = true,"}}},
	{"maximum", "I7", []edit{
		{"restart.go", "	r.found.lanes[lane][id] = awaited{at: at}\n", "	r.found.lanes[lane][id] = awaited{at: at, met: true}\n"},
		{"restart.go", "	v, ok := m[string(id)]\n", "	v, ok := m[string(id)]\n	at = cdc.Position{}\n	for k := range m {\n		ok = ok || k[:20] == string(id[:20]) && k >= string(id)\n	}\n"},
	}},
	{"one-identity", "I7", []edit{{"restart.go", "	r.found.lanes[lane][id] = awaited{at: at}\n", "	clear(r.found.lanes[lane])\n	r.found.lanes[lane][id] = awaited{at: at, met: true}\n"}}},
	{"stall", "I7", []edit{{"seal.go", "	return c.Status == snapshot.Open && c.locked && !point.Before(c.H) && !point.Before(c.q) && (!c.quiet || c.cleared)\n", "	return c.Status == snapshot.Open\n"}}},
	{"past-sealed-s", "I2", []edit{{"note.go", "		if s.Before(low) {", "		if c.Status == 1 && s.Before(low) {"}}},
	{"no-fence", "I7", []edit{
		{"sim_process_test.go", "		w.post(i, f)\n	}\n	w.stage = simFencing", `		log := w.b.parts[i].log[:w.b.parts[i].hw]
		l.done(int64(len(log)))
		l.seq = 0
		if l.sum = 0; len(log) > 0 {
			l.sum = sumOf([]byte(log[len(log)-1]))
		}
		_ = f
	}
	w.stage = simFencing`},
		{"readback.go", "if r.found.seen[i] != (placed{fences[i], l.sum}) {", "if false {"},
		{"truncated.go", "		case fences[i] < end:\n", "		case fences[i]+1 < end:\n"},
		{"restart.go", "	if r.noted.Seq == 1 && r.found.seen[lane].sum == 0 &&", "	if r.noted.Seq < 1 && r.found.seen[lane].sum == 0 &&"},
	}},
	{"epoch-not-saved", "I1", []edit{{"run.go", "	return d.Checkpoints.Epoch(ctx, s.Producer, s.Epoch, s.Runs[len(s.Runs)-1])\n", "	return nil\n"}}},
	{"dead-forgotten", "I7", []edit{{"deadletter.go", "	return d >= 0 && d != lane && r.found.any(d) && r.found.meet(d, id, at) || own\n", "	return d < -1 || own\n"}}},
	{"dead-limit-raised", "I4", []edit{{"deadletter.go", "	if r.found.unmet {", "	if false {"}}},
	{"filter-window", "I4", []edit{{"seal.go", "				if !q.route.Passes(q.after) {", "				if false {"}}},
	{"filter-leaves", "I4", []edit{{"change.go", "c.new && c.route.Passes(c.after)", "c.new && (c.old || c.route.Passes(c.after))"}}},
	{"low-ahead", "I2", []edit{{"note.go", "	low := r.point\n", "	low := later(r.point, r.found.upto)\n"}}},
	{"gone-by-memory", "I2", []edit{{"hand.go", "	return !r.low.Before(c.H)\n", "	return !r.point.Before(c.H)\n"}}},
	{"late-result", "I4", []edit{{"chunk.go", "	if !o.current() {\n		_ =", "	if c.Status != snapshot.Open {\n		_ ="}}},
	{"ddl-keeps-open", "I5", []edit{{"ddl.go", "		if c.Status == snapshot.Open {\n			r.discard", "		if false {\n			r.discard"}}},
	{"no-merge", "I4", []edit{{"seal.go", "		case c.exact: // the view", "		case true: // the view"}}},
	{"ack-ignored", "I2", []edit{{"note.go", "; ok && p.Before(low) {", "; ok && p.Before(low) && false {"}}},
	{"rows-before-sealed", "I7", []edit{{"seal.go", "		ready, saved = append(ready, s), append(saved, s.saved)\n", "		s.saved.Status = snapshot.New\n		ready, saved = append(ready, s), append(saved, s.saved)\n		s.saved.Status = snapshot.Sealed\n"}}},
	{"chunk-before-e0", "I1", []edit{{"chunk.go", "	if r.point.Before(r.openFrom) {", "	if false {"}}},
	{"ddl-before-rows", "I5", []edit{{"ddl.go", "		for r.owed(c, ev) {", "		for false {"}}},
	{"halves-share", "I7", []edit{{"router.go", "	if half != 0 {", "	if half != 0 && false {"}}},
	{"note-order", "I2", []edit{{"restart.go", "			limit = min(limit, c.Note)\n", ""}}},
	{"note-floor", "I2", []edit{{"note.go", "		if floor {", "		if floor && false {"}}},
	{"hand-before-h", "I5", []edit{{"hand.go", "	return c.Status == snapshot.Sealed && !c.released && !r.point.Before(c.H)\n", "	return c.Status == snapshot.Sealed && !c.released\n"}}},
	{"seal-before-q", "I5", []edit{{"seal.go", "c.result != nil && !point.Before(c.H) && !point.Before(c.q)", "c.result != nil && !point.Before(c.H)"}}},
	{"no-quiet-window", "I4", []edit{{"chunk.go", "		if q.tx.start.Before(c.H) {", "		if false && q.tx.start.Before(c.H) {"}}},
	{"pruned-notes", "I2", []edit{{"note.go", "	seq := r.marks[0].seq\n", "	seq := r.noted.Seq\n"}}},
	{"swap-drops", "I4", []edit{{"ddl.go", "	left := ch.Kind == schema.Rename && ch.To != t.id\n", "	left := ch.Kind == schema.Rename\n"}}},
	{"plain-no-wait", "I3", []edit{{"plain.go", "	p.step, p.err = plainWait, err\n", "	p.step, p.err = plainMark, err\n"}}},
	{"plain-log-end", "I3", []edit{
		{"plain.go", "func (f *flight) waited() { f.plain.step = plainMark }", "func (f *flight) waited() { f.plain.step = plainRead }"},
		{"sim_send_test.go", "		found, err := readFlight(", "		if p.step == plainRead {\n			p.upto = int64(w.b.parts[i].hw)\n		}\n		found, err := readFlight("},
	}},
	{"plain-resend-blind", "I3", []edit{{"plain.go", "	p.step, p.err = plainWait, err\n", "	p.step, p.err = plainSend, err\n"}}},
	{"plain-take-over", "I7", []edit{{"run.go", "	return fresh, true\n", "	return fresh, false\n"}}},
	{"tier-change", "I7", []edit{{"run.go", "	case fresh != NoProducer && s.Producer != NoProducer && s.Epoch < math.MaxInt16:\n", "	case fresh != NoProducer && s.Producer == NoProducer:\n		return fresh, false\n	case fresh != NoProducer && s.Epoch < math.MaxInt16:\n"}}},
	{"new-ddl-baseline", "I5", []edit{{"begin.go", "		if v.How == schema.HowBaseline && v.Table.Version == 1 || !r.base.Before(v.At) {", "		if true {"}}},
	{"copy-fence-unread", "I7", []edit{{"readback.go", "min(looked[i], fences[i]), fences[i]+1)", "min(looked[i], fences[i]), fences[i])"}, {"readback.go", "if r.found.seen[i] != (placed{fences[i], l.sum}) {", "if false {"}}},
	{"copy-fence-unknown", "I7", []edit{{"restart.go", "	if run == \"\" || r.found.runs[run] {", "	if run != \"\" || true {"}}},
	{"copy-same-name", "I7", []edit{{"run.go", "	s.Runs = append(s.Runs, d.newRun())\n", "	s.Runs = append(s.Runs, \"r\")\n"}}},
	{"truncated-unseen", "I2", []edit{{"truncated.go", "		case r.found.tails[i] != sums[i]:\n			lanes = append(lanes, i)\n", ""}, {"truncated.go", "		case fences[i] < end:\n			lanes = append(lanes, i)\n", ""}}},
	{"truncated-end-only", "I2", []edit{{"truncated.go", "		case r.found.tails[i] != sums[i]:\n			lanes = append(lanes, i)\n", ""}}},
	{"truncated-floor-proof", "I2", []edit{{"note.go", "			n.Offsets[i] = r.found.from[i]\n", "			n.Offsets[i], n.Ends[i], n.Sums[i] = r.found.from[i], r.found.from[i], 0\n"}}},
	{"truncated-idle-lane", "I2", []edit{{"truncated.go", "		if ends[i] < acked[i] {", "		if false {"}, {"truncated.go", "		if l.sum == 0 || at < first[i] {", "		if l.sum == 0 || at < first[i] || true {"}}},
	{"truncated-blind-note", "I2", []edit{
		{"truncated.go", "		if sum := n.Sums[i]; sum == 0 || held[i][n.Ends[i]-1] != sum {", "		if sum := n.Sums[i]; sum == 1 {"},
		{"restart.go", "	if r.noted.Seq == 1 && r.found.seen[lane].sum == 0 &&", "	if r.noted.Seq < 1 && r.found.seen[lane].sum == 0 &&"},
	}},
	{"truncated-done-stays", "I2", []edit{{"truncated.go", "		case c.Status == snapshot.Done && c.Closed < n.Seq:", "		case c.Status == snapshot.Done:"}}},
	{"truncated-unproven", "I2", []edit{{"truncated.go", "c.Status == snapshot.Done && c.Closed >= last.Seq", "false"}}},
	{"truncated-schema-sent", "I2", []edit{{"truncated.go", "	if last.Seq == 1 {", "	if false {"}}},
	{"truncated-gone", "I2", []edit{{"truncated.go", "			if c.Closed >= n.Seq || n.L.Before(c.H) || !n.holds(s.Server.Flavor, &c) {", "			if false {"}}},
	{"truncated-chunk-note", "I2", []edit{{"truncated.go", "0, min(c.Note, n.Seq)\n", "0, c.Note\n"}}},
	{"truncated-look-stale", "I7", []edit{{"readback.go", "	if !same {", "	if !same && false {"}}},
	{"truncated-refill", "I7", []edit{{"truncated.go", "	if off >= f.from {", "	if true {"}}},
	{"truncated-stale-notes", "I2", []edit{{"sim_store_test.go", "return n.Seq > seq })\n		for n", "return false })\n		for n"}}},
	{"expired-unasked", "I7", []edit{{"truncated.go", "		if first[i] <= r.found.from[i] || r.cfg.repeats || r.cfg.accepted != nil && first[i] <= r.cfg.accepted[i] {", "		if true {"}}},
	{"expired-passed-over", "I7", []edit{{"sim_broker_test.go", "		return &task.Error{Code: \"target.offset_gone\", Retry: true}\n", "		from = int64(b.parts[p.ID].start)\n"}}},
	{"truncated-no-start", "I2", []edit{{"truncated.go", "	return cs, slices.ContainsFunc(s.Notes, func(o Note) bool { return o.Seq <= from && s.covered(o.X, n.L) })\n", "	return cs, true\n"}}},
	{"text-by-bytes", "I4", []edit{{"sim_source_test.go", "		out[t] = s.weight([]byte(t.Value))\n", "		out[t] = []byte(t.Value)\n"}}},
	{"text-same-bytes", "I4", []edit{{"sim_source_test.go", "	return text[1:]\n", "	return append(text[1:len(text):len(text)], text[0])\n"}}},
	{"text-bounds-unsorted", "I4", []edit{{"weights.go", "	slices.SortFunc(out, ", "	slices.SortFunc(out[:0], "}}},
	{"move-compares-places", "I4", []edit{{"move.go", "	if c.holds, err = cdc.ParseGTIDSet(r.flavor, c.HSet); err == nil {", "	if cdc.Position.Before(c.H, cdc.Position{}) {"},
		{"chunk.go", "	return !tx.start.Before(c.H)\n", "	h, start := c.H, tx.start\n	h.Turn, start.Turn = 0, 0\n	return !start.Before(h)\n"}}},
	{"move-forgets-h-set", "I4", []edit{{"move.go", "	if c.H.Turn == r.saved.Turn ||", "	if true || c.H.Turn == r.saved.Turn ||"}}},
	{"move-unchecked", "I7", []edit{{"sim_process_test.go", "	if missing != \"\" && (", "	if missing = \"\"; missing != \"\" && ("}}},
	{"move-inside", "I7", []edit{{"move.go", "		r.tx.passed, r.entered = r.base.Row, ", "		r.entered = "}}},
	{"move-part-lost", "I7", []edit{{"move.go", "	if r.inside != \"\" {", "	if false {"}}},
	{"move-torn", "I2", []edit{{"move.go", "(r.entered.IsZero() || low.Before(r.entered))", "!r.entered.IsZero() && low.Before(r.entered)"}}},
	{"move-torn-rest", "I2", []edit{{"move.go", "(r.entered.IsZero() || low.Before(r.entered))", "r.entered.IsZero()"}}},
	{"point-back", "I2", []edit{{"router.go", "r.point, r.streamed = later(r.point, next), next // a note", "r.point, r.streamed = next, next // a note"}}},
	{"move-hands-early", "I5", []edit{{"hand.go", "(c.due || r.behind.brought(c.holds))", "true"}}},
	{"move-holds-up", "I7", []edit{{"seal.go", "		if r.handable(c) || c.passed(r.point) {", "		if c.Status == snapshot.Sealed && !c.released || c.passed(r.point) {"}}},
	{"move-expires-early", "I2", []edit{{"hand.go", "		return r.set.Includes(c.holds)\n", "		return true\n"}}},
	{"move-floor", "I2", []edit{{"move.go", "		r.wait(r.found.tids)\n", "		_ = r.found.tids\n"}}},
	{"move-keeps-definitions", "I5", []edit{{"move.go", "		if !low.Before(v.At) {\n", "		if true || !low.Before(v.At) {\n"}}},
	{"move-before-end", "I1", []edit{{"sim_process_test.go", "		w.r.openFrom = w.turned.at(w.src.end())\n", "		_ = 0\n"}}},
	{"move-back-before-begin", "I1", []edit{{"truncated.go", "	if n.L.Before(s.begun(s.Turn)) {", "	if false {"}}},
	{"move-back-never", "I7", []edit{{"truncated.go", "	if n.L.Before(s.begun(s.Turn)) {", "	if s.Turn > 0 {"}}},
	{"move-scan-start", "I7", []edit{{"restart.go", "	if x.Turn < low.Turn {", "	if false {"}}},
	{"move-marks", "I7", []edit{{"note.go", "m.x.Turn == r.low.Turn && ", ""}}},
	{"seen-unasked", "I7", []edit{{"seen.go", "	return d.Source.Holds(ctx, seen)\n", "	_ = ctx\n	return nil\n"}}},
	{"seen-not-noted", "I7", []edit{{"router.go", "	r.seen.look(ev)\n", ""}}},
	{"seen-elsewhere", "I7", []edit{{"restart.go", "at != v.at && f.other == nil", "at != v.at && f.lanes == nil"}}},
	{"copy-older", "I7", []edit{{"restart.go", "	if !r.found.chunks[n] {", "	if false {"}}},
}

// traced are the mutants that a trace catches, and chance only seldom.
var traced = []string{"gone-by-memory", "ddl-before-rows", "seal-before-q", "point-back", "copy-fence-unknown", "move-torn", "move-torn-rest", "move-part-lost", "move-before-end",
	"move-back-before-begin", "move-back-never", "move-scan-start", "move-marks", "expired-passed-over", "truncated-no-start", "seen-unasked", "seen-not-noted", "seen-elsewhere",
	"xa-moved-order", "together-end-first", "truncated-unproven", "truncated-chunk-note", "truncated-floor-proof", "truncated-done-stays", "move-holds-up", "move-expires-early"}

// likes are the histories that have what a mutant concerns, by the beginning of its name.
var likes = []struct{ begins, like string }{
	{"xa-", "xa"}, {"xa-set-of-l", "crashes"}, {"xa-stretch", "crashes"}, {"xa-maria-filter", "keyless"}, {"xa-rollback-lost", "failover"},
	{"move", "failover"}, {"text-", "text"}, {"together-", "together"}, {"together-by-file", "byFile"}, {"together-uncounted", "idle"},
	{"dead-", "dead"}, {"plain-", "plain"}, {"tier-change", "plain,mixed"}, {"copy-", "copies"}, {"expired-", "ages"},
	{"truncated-", "unclean"}, {"truncated-gone", "deep"}, {"truncated-blind-note", "seldom"},
	{"no-fence", "crashes"}, {"low-ahead", "crashes"}, {"past-sealed-s", "crashes"},
	{"ddl-", "ddl"}, {"hand-before-h", "ddl,crashes"}, {"touch-ddl-", "ddl"}, {"older-lock", "rowLock"},
}

func (m *mutant) like() string {
	var all []string
	if slices.ContainsFunc(byFileMutants, func(b mutant) bool { return b.name == m.name }) {
		all = append(all, "byFile")
	}
	for _, l := range likes {
		if strings.HasPrefix(m.name, l.begins) {
			all = append(all, l.like)
		}
	}
	return strings.Join(all, ",")
}

// exploredMutants must be caught by the exploration too: it reaches what matters.
var exploredMutants = []string{"low-filepos", "maria-no-check", "no-merge", "one-identity", "rows-before-sealed"}

// TestMutants expects the simulation to fail with each mutant.
func TestMutants(t *testing.T) {
	if !*runMutants {
		t.Log("run with -mutants")
		return
	}
	began := time.Now()
	seed := regexp.MustCompile(`seed (\d+): ([^\n]*)`)
	trace := regexp.MustCompile(`--- FAIL: TestTraces\w*/(\S+) [^\n]*\n\s*([^\n]*)`)
	only := regexp.MustCompile(*mutantOnly)
	all := slices.Concat(mutants, byFileMutants, xaMutants)
	bin := buildMutants(t, all)
	t.Logf("%d mutants built in %s", len(all), time.Since(began).Round(time.Second))
	caught, tried := 0, 0
	for i, m := range all {
		if !only.MatchString(m.name) {
			continue
		}
		tried++
		began := time.Now()
		cmd := exec.Command(bin, "-test.run=^TestSimulation$", "-sim.histories=100000000", "-sim.for="+mutantFor.String(), "-sim.shrink=false", "-sim.like="+m.like())
		failing := seed
		if slices.Contains(traced, m.name) {
			cmd, failing = exec.Command(bin, "-test.run=^TestTraces"), trace
		}
		cmd.Env = append(os.Environ(), fmt.Sprint("SLUICE_MUTANT=", i+1))
		out, err := cmd.CombinedOutput()
		found := failing.FindStringSubmatch(string(out))
		if err == nil || found == nil {
			t.Errorf("%s: not caught in %s\n%.2000s", m.name, time.Since(began).Round(time.Second), out)
			continue
		}
		caught++
		t.Logf("%-22s breaks %s, caught by %6s in %5.1f s: %.110s", m.name, m.breaks, found[1], time.Since(began).Seconds(), found[2])
	}
	for i, m := range all {
		if !slices.Contains(exploredMutants, m.name) || !only.MatchString(m.name) {
			continue
		}
		cmd := exec.Command(bin, "-test.run=^TestExplore$", "-sim.explore=1")
		cmd.Env = append(os.Environ(), fmt.Sprint("SLUICE_MUTANT=", i+1))
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "\nFAIL") {
			t.Errorf("%s: not caught by the exploration\n%.2000s", m.name, out)
		}
	}
	t.Logf("mutants caught: %d of %d in %s", caught, tried, time.Since(began).Round(time.Second))
}
