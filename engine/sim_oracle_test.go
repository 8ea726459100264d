package engine

import (
	"fmt"
	"strings"

	"sluice/engine/cdc"
)

// keyChange is one change of one key as the ledger has it.
type keyChange struct {
	tx, r  int
	kind   byte // i, u, d; t: truncated, without a record
	val    int
	before int
}

func (w *world) inStart(i int) bool {
	set, err := cdc.ParseGTIDSet(w.src.flavor(), w.store.saved.Start)
	w.must(err)
	return set.Contains(w.src.tid(i))
}

func (w *world) ledger(k int) (out []keyChange, final int) {
	st := 0
	for i := range w.src.txs {
		t := &w.src.txs[i]
		if t.ddl == ddlTruncate && t.table == simTable(k) && st != 0 {
			if w.src.shown(st) != 0 {
				out = append(out, keyChange{i, 0, 't', 0, w.src.shown(st)})
			}
			st = 0
		}
		for r, c := range t.rows {
			was := st
			var kind byte
			switch {
			case c.old == k && c.new == k:
				kind, st = 'u', c.val
			case c.old == k:
				kind, st = 'd', 0
			case c.new == k:
				kind, st = 'i', c.val
			default:
				continue
			}
			switch before, now := w.src.shown(was), w.src.shown(st); {
			case !w.c.filtered:
			case before == 0 && now == 0:
				continue
			case before == 0:
				kind = 'i'
			case now == 0:
				kind = 'd'
			}
			out = append(out, keyChange{i, r, kind, c.val, w.src.shown(was)})
		}
	}
	return out, w.src.shown(st)
}

// checkPart judges what stands in the topics of a task that has stopped: nothing twice.
func (w *world) checkPart() string {
	seen := map[string]bool{}
	for p := range w.b.parts {
		for _, v := range w.b.parts[p].log {
			if v == "foreign" {
				continue
			}
			if r := parseSim(v); r.op != "HEARTBEAT" {
				if seen[r.id] {
					return "doubled: " + v
				}
				seen[r.id] = true
			}
		}
	}
	return ""
}

// check is the oracle over the logs: identities once, per key one INIT and then each change once in order, DDL in place.
func (w *world) check() string {
	seen := map[string]bool{}
	var recs [][]simRecord
	for p := range w.b.parts {
		var log []simRecord
		for _, v := range w.b.parts[p].log {
			if v == "foreign" {
				continue
			}
			r := parseSim(v)
			if r.op == "HEARTBEAT" {
				continue
			}
			if seen[r.id] {
				return "doubled: " + v
			}
			if r.dead != w.isDead(p) {
				return "in the wrong topic: " + v
			}
			seen[r.id] = true
			log = append(log, r)
		}
		recs = append(recs, log)
	}
	for k := range simKeys {
		check := w.checkKey
		if !w.c.full {
			check = w.checkIncremental
		}
		if m := check(k, recs); m != "" {
			return m
		}
	}
	return w.checkDDL(recs)
}

// ofKey gives the records of a key, which must stand in one partition.
func ofKey(k int, recs [][]simRecord) (out []simRecord, problem string) {
	name, at := fmt.Sprintf("k%d", k), -1
	for p, log := range recs {
		for _, r := range log {
			if r.op == "DDL" || r.old != name && r.new != name {
				continue
			}
			if at >= 0 && at != p {
				return nil, fmt.Sprintf("k%d: records in two partitions", k)
			}
			at = p
			out = append(out, r)
		}
	}
	return out, ""
}

// same reports whether the record is this change of the key.
func (w *world) same(r simRecord, k int, l keyChange) bool {
	name := fmt.Sprintf("k%d", k)
	kind := byte('i')
	if r.old == name && r.new == name {
		kind = 'u'
	} else if r.old == name {
		kind = 'd'
	}
	id := fmt.Sprintf("s/%s:%d", w.src.tid(l.tx), l.r)
	_, rest, _ := strings.Cut(r.id, "/1/")
	if strings.TrimRight(rest, "+-") != id || kind != l.kind {
		return false
	}
	return kind == 'd' || r.dead || r.val == fmt.Sprint(l.val)
}

func (w *world) checkKey(k int, recs [][]simRecord) string {
	led, final := w.ledger(k)
	got, problem := w.ofKey(k, led, recs)
	if problem != "" {
		return problem
	}
	inits := 0
	for i, r := range got {
		if r.op == "INIT" {
			if inits++; i != 0 {
				return fmt.Sprintf("k%d: INIT after other records of its key: %s", k, r.id)
			}
		}
	}
	rest := got[inits:]
	j := len(led)
	for i := len(rest) - 1; i >= 0; i-- {
		j--
		for j >= 0 && led[j].kind == 't' {
			j--
		}
		if j < 0 {
			return fmt.Sprintf("k%d: more records than changes", k)
		}
		if !w.same(rest[i], k, led[j]) {
			return fmt.Sprintf("k%d: has %v where the ledger has T%d.%d %c (lost, doubled or out of order)", k, rest[i], led[j].tx, led[j].r, led[j].kind)
		}
	}
	before := final
	if j < len(led) {
		before = led[j].before
	}
	if inits == 0 {
		if before == 0 || len(rest) == 0 && final == 0 || j < len(led) && led[j].kind == 't' {
			return ""
		}
		return fmt.Sprintf("k%d: no INIT though the key was there before its first record (lost row)", k)
	}
	for { // truncates in between leave room
		if (fmt.Sprint(before) == got[0].val || got[0].dead) && before != 0 {
			return ""
		}
		if j == 0 || led[j-1].kind != 't' {
			return fmt.Sprintf("k%d: INIT %v, but the state before the following records is %d", k, got[0], before)
		}
		j--
		before = led[j].before
	}
}

// checkIncremental: without a full copy each change after the start is there, in order, and nothing else.
func (w *world) checkIncremental(k int, recs [][]simRecord) string {
	led, _ := w.ledger(k)
	got, problem := w.ofKey(k, led, recs)
	if problem != "" {
		return problem
	}
	for _, l := range led {
		if l.kind == 't' || w.skipped(l.tx) {
			continue
		}
		if len(got) == 0 || !w.same(got[0], k, l) {
			return fmt.Sprintf("k%d: change T%d.%d is lost, late or doubled: %v", k, l.tx, l.r, got)
		}
		got = got[1:]
	}
	if len(got) > 0 {
		return fmt.Sprintf("k%d: more records than changes: %v", k, got)
	}
	return ""
}

// after reports whether a transaction lies after a position, in the log that the position is of.
func (w *world) after(i int, p cdc.Position) bool {
	end, ok := w.src.place(i, p.Turn)
	return !ok || p.Before(end)
}

// checkDDL: each DDL once, and in its partition on the right side of every row of its table.
func (w *world) checkDDL(recs [][]simRecord) string {
	base := map[cdc.TableID]cdc.Position{}
	for _, v := range w.store.saved.Schemas {
		if v.How == "baseline" {
			if at, ok := base[v.Table.TableID]; !ok || v.At.Before(at) {
				base[v.Table.TableID] = v.At
			}
		}
	}
	log := recs[0]
	for i := range w.src.txs {
		t := &w.src.txs[i]
		id := simIDs[t.table]
		if t.ddl == noDDL || w.inStart(i) || w.c.full && !w.after(i, base[id]) || !w.c.full && w.skipped(i) {
			continue
		}
		at := -1
		for o, r := range log {
			if strings.HasSuffix(r.id, "/d/"+w.src.tid(i)+":0") {
				at = o
			}
		}
		if at < 0 {
			return fmt.Sprintf("DDL T%d is lost", i)
		}
		for o, r := range log {
			if r.op == "DDL" || r.table != id.String()+"." {
				continue
			}
			if !w.after(i, r.pos) != (o > at) {
				return fmt.Sprintf("%v on the wrong side of DDL T%d", r, i)
			}
		}
	}
	return w.checkSchema(recs)
}

// checkSchema: a row has the columns of its own position, and each table one CREATE TABLE record before its rows.
func (w *world) checkSchema(recs [][]simRecord) string {
	for _, log := range recs {
		for _, r := range log {
			if r.op == "DDL" {
				continue
			}
			n := 2
			for i := range w.src.txs {
				t := &w.src.txs[i]
				if t.ddl == ddlAlter && r.table == simIDs[t.table].String()+"." && !w.after(i, r.pos) {
					n++
				}
			}
			if r.columns != n {
				return fmt.Sprintf("%v has %d columns, the table had %d", r, r.columns, n)
			}
		}
	}
	created := 0
	for _, r := range recs[0] {
		if strings.Contains(r.id, "/d0/") {
			created++
		} else if r.op != "DDL" && w.c.schema && created < 2 {
			return fmt.Sprintf("%v before the CREATE TABLE records", r)
		}
	}
	if w.c.schema != (created == 2) && w.c.schema {
		return fmt.Sprintf("%d CREATE TABLE records", created)
	}
	return ""
}
