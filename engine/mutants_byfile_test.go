package engine

// byFileMutants are wrong variants of what proves visibility at a source without GTID; they are played against such
// histories alone.
var byFileMutants = []mutant{
	{"end-visible", "I4", []edit{{"sim_source_test.go", "Upto{At: cdc.Position{File: s.end().File, Offset: cdc.FirstEvent}}", "Upto{At: s.end()}"}}},
	{"barrier-after-view", "I4", []edit{
		{"worker.go", "	if seen == nil || seen.Includes(o.need) {", "	if _, byFile := o.need.(*cdc.Upto); byFile || seen == nil || seen.Includes(o.need) {"},
		{"worker.go", "	end := l[0].End // and that of the others\n", `	end := l[0].End
	if u, byFile := w.os[0].need.(*cdc.Upto); byFile && (cdc.Position{File: end.File, Offset: cdc.FirstEvent}).Before(u.At) {
		w.at = stepVisible
		return nil, nil, w.close()
	}
`},
	}},
	{"lock-unordered", "I4", []edit{{"worker.go", "	if ordered {", "	if ordered || true {"}}},
	{"older-lock", "I4", []edit{{"visible.go", " && !r.newest.start.Before(t.touched)", ""}, {"visible.go", "			if r.newest.table == t {", "			if false {"}}},
	{"touch-row-lost", "I4", []edit{{"router.go", "	if t.weighed != nil && len(t.chunks) > 0 && !r.weighable(t, ev) {\n		return errUnweighed\n	}\n	r.touch(t, ev)\n", "	if t.weighed != nil && len(t.chunks) > 0 && !r.weighable(t, ev) {\n		return errUnweighed\n	}\n"}}},
	{"touch-ddl-lost", "I4", []edit{{"router.go", "	r.touchDDL(ev)\n", ""}}},
	{"touch-skipped-lost", "I4", []edit{{"router.go", "	if r.tx.skip && !(t.picked && r.cfg.spec.Full) { // the full copy does not know a table that was created since\n		r.touch(t, ev)\n", "	if r.tx.skip && !(t.picked && r.cfg.spec.Full) {\n"}}},
	{"file-not-read-again", "I4", []edit{{"visible.go", "len(r.fresh) > 0 && r.base.File > 0", "false"}}},
	{"chunk-before-base", "I4", []edit{{"chunk.go", "	if r.byFile && r.streamed.Before(r.base) {", "	if false {"}}},
}
