package engine

import (
	"cmp"
	"errors"
	"slices"

	"sluice/engine/task"
)

// A process of the simulation: how it begins and takes over, how it dies or ends by itself, and the copies of its data
// folder.

// mayDie kills the process at a write, if a kill is due.
func (w *world) mayDie(where string) {
	if w.dieIn > 0 {
		if w.dieIn--; w.dieIn == 0 {
			panic(killed(where))
		}
	}
}

func (w *world) crash(why string) {
	w.logf("engine: killed %s", why)
	if w.c.power && w.pick(2) == 0 {
		w.logf("engine: and the power is cut")
		w.store.powerCut()
		w.files.powerCut()
	}
	for _, k := range w.workers {
		w.must(k.w.close())
	}
	w.r, w.stage, w.workers, w.mail, w.pending, w.dieIn, w.starting = nil, simDown, nil, nil, nil, 0, false
}

// start begins the task or takes it over.
func (w *world) start() {
	w.incarnations++
	w.incarnation, w.stopped = w.incarnations, ""
	clear(w.store.cuts)
	if w.store.saved == nil {
		w.starting = true
		_, err := begin(w.ctx, w.deps)
		w.must(err)
		w.starting = false
		w.logf("engine: begun, G0 %s E0 %v", w.store.saved.Start, w.store.saved.End)
	}
	s, err := w.store.Load(w.ctx)
	w.must(err)
	w.must(sameServer(w.ctx, w.deps, s))
	w.must(takeOver(w.ctx, w.deps, s))
	w.turned = &turned{w.src, s.Turn}
	w.src.turns[s.Turn] = len(w.src.logs) - 1
	w.must(unproven(w.ctx, w.deps, s))
	w.r, err = resume(w.deps, s)
	w.must(err)
	w.must(w.r.reweigh(w.ctx, w.src))
	w.must(w.r.limitLanes(w.ctx, w.b))
	w.must(w.r.cleanFiles())
	w.r.cfg.queueChunk = 320 * w.c.queueItems
	w.r.cfg.chunkRows, w.r.cfg.chunkMost, w.r.cfg.together = w.c.limit, max(w.c.limit, w.c.most), w.c.together
	w.r.cfg.chunkBytes, w.r.cfg.ahead = cmp.Or(w.c.chunkBytes, 1<<30), cmp.Or(w.c.ahead, 1<<30)
	w.limitChunks()
	for _, l := range w.r.lanes {
		l.arena.size = 256 // a few records
	}
	w.sending, w.reqs, w.late = make([]*flight, len(w.r.lanes)), make([]int, len(w.r.lanes)), nil
	w.r.cfg.keepNotes, w.r.cfg.keepBytes = w.c.keepNotes, w.c.keepBytes
	if w.c.xaSpills {
		w.r.cfg.xaBytes = 150
	}
	w.first, w.looked, err = w.r.look(w.ctx, w.deps)
	if err != nil {
		w.end(err)
		return
	}
	for i, l := range w.r.lanes {
		f, err := w.r.fence(l)
		w.must(err)
		w.post(i, f)
	}
	w.stage = simFencing
	w.logf("engine: incarnation %d, epoch %d, L=%v, scan from note %d %v", w.incarnation, s.Epoch, w.r.base, w.r.found.note, w.r.found.from)
}

// end is that of a run by an error: it starts again by itself, or waits for a person.
func (w *world) end(err error) {
	code := task.Code(err)
	switch {
	case errors.Is(err, errWentBack):
		code = err.Error()
	case !task.Retryable(err):
		gone := code == "target.truncated" || code == "target.recreated"
		if w.other == nil && !(gone && w.c.unclean && !w.store.repairable(w.files)) && !(code == "target.expired" && w.c.ages) &&
			!(code == "source.lost" && len(w.src.lost) > 0) && !(code == "source.rewritten" && w.src.anew()) &&
			!(code == "source.xa_before_start" && w.preparedEarly()) {
			w.fail("%v", err)
		}
		w.stopped = code
	}
	w.crash("by itself: " + code)
}

// copyFolder makes a copy of the data folder as it is now, for another process.
func (w *world) copyFolder() {
	files := map[string]*simFile{}
	for name, f := range w.files.files {
		files[name] = &simFile{w: w, data: slices.Clone(f.data), synced: f.synced}
	}
	o := &simSide{store: &simStore{w: w, saved: w.store.saved.clone()}, files: &simFiles{w: w, files: files}}
	deps := *w.deps
	deps.Checkpoints, deps.Files = o.store, o.files
	o.deps = &deps
	w.other = o
	w.logf("-- the data folder is copied")
}

func (w *world) turnTo() {
	w.simSide, w.other = w.other, w.simSide
	w.logf("-- to incarnation %d", w.incarnation)
}

// enableSides copies the folder once, and lets now this side work and now the other.
func (w *world) enableSides() {
	switch {
	case w.other == nil && w.c.copies && w.store.saved != nil:
		w.add(mCrash, w.bad(1), w.copyFolder)
	case w.other != nil && (w.stopped != "" || w.other.stopped == ""):
		w.add(-1, 3, w.turnTo)
	case w.other != nil:
		w.add(-1, w.bad(1), w.turnTo) // a person may start what has stopped
	}
}

func (w *world) limitChunks() {
	for _, c := range w.r.fresh {
		c.want, c.table.want = w.c.limit, min(c.table.want, w.c.limit)
	}
}

// scan reads back what the log holds up to the fences, and compares it with the notes.
func (w *world) scan() {
	fences := make([]int64, len(w.r.lanes))
	for i, l := range w.r.lanes {
		fences[i] = l.acked - 1
	}
	if err := w.r.compare(w.ctx, w.deps, w.first, w.looked, fences); err != nil {
		w.end(err)
		return
	}
	w.r.scannedAll()
	w.stage = simComparing
}

// compare looks whether the source has all that was sent; what it still has to finish gets time.
func (w *world) compare() {
	if err := w.r.sameLog(w.ctx, w.deps); err != nil {
		w.end(err)
		return
	}
	missing := ""
	if !w.r.byFile {
		sets, err := w.r.handled()
		w.must(err)
		missing, err = w.src.Missing(w.ctx, sets)
		w.must(err)
	}
	if missing != "" && (slices.Contains(w.src.lost, missing) || w.c.maria) {
		w.end(lost(missing))
		return
	}
	if missing != "" {
		return
	}
	if w.r.saved.Turn > 0 {
		w.r.openFrom = w.turned.at(w.src.end())
	}
	w.stage = simRunning
	w.stream, w.pending = simStream{after: w.r.after()}, nil
	if !w.r.saved.SchemaSent {
		w.stage = simSchema
		w.must(w.r.emitSchemas())
	}
}

// kept is the memory for rows of chunks, in some histories.
func (w *world) kept() *keptMemory {
	if !w.c.keeps {
		return nil
	}
	return &keptMemory{most: 1 << 40}
}
