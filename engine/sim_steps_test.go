package engine

import (
	"slices"
)

// The steps that may come next, each with a weight.

func (w *world) add(class, weight int, do func()) {
	m := 4
	if class >= 0 {
		m = w.c.mul[class]
	}
	if weight*m > 0 || weight > 0 && w.drain {
		w.acts = append(w.acts, simAction{class, max(weight*m, 1), do})
	}
}

// bad is the weight of a fault or of new work: none while draining.
func (w *world) bad(x int) int {
	if w.drain {
		return 0
	}
	return x
}

func (w *world) sourceStep() {
	saved := w.acts
	w.acts = nil
	w.enableSource()
	w.choose()
	w.acts = saved
}

func (w *world) enableSource() {
	s := w.src
	for i, rows := range w.c.script {
		if !s.ran[i] && s.free(rows) {
			w.add(mSource, 6, func() { s.run(i) })
		}
	}
	w.enableXA()
	if len(s.txs) < w.c.maxTx {
		w.add(mSource, w.bad(6), s.commit)
		for t := range 2 {
			if w.c.ddl && s.ddlAllowed(t) {
				eager := 1
				if w.c.slowCommit { // seldom are all of a table's locks free
					eager = 8
				}
				w.add(mSource, w.bad(eager), func() { s.ddl(t, ddlSwap-simDDL(w.pick(3))) })
			}
		}
	}
	if s.canRotate() {
		rotate := w.c.rotate
		if w.drain {
			rotate = 1
		}
		w.add(-1, rotate, s.rotate)
	}
	shown, listed := 0, 0
	for i := range s.txs {
		if shown < 3 && s.canShow(i) {
			shown++
			weight := 5
			if w.c.slowCommit {
				weight = 1
			}
			w.add(mShow, weight, func() { s.show(i) })
		}
		if listed < 3 && s.canGTID(i) {
			listed++
			w.add(mListed, 5, func() { s.txs[i].gtid = true; w.logf("source: T%d in gtid_executed", i) })
		}
	}
}

func (w *world) enableBroker() {
	b := w.b
	for i := range b.net {
		if i < 4 {
			weight := 6
			if b.net[i].incarnation != w.incarnation {
				weight = 2
			}
			w.add(mBroker, weight, func() { b.deliver(i) })
			w.add(mFault, w.bad(1), func() { b.lose(i) })
			w.add(mFault, w.bad(1), func() { b.garble(i) })
		}
	}
	offered := 0
	for i := range b.resp { // those for a process that is gone may stand in front
		if offered < 4 && b.ready(i) && (w.other == nil || b.resp[i].incarnation != w.other.incarnation) {
			offered++
			w.add(mBroker, 6, func() { w.response(i) })
			w.add(mFault, w.bad(1), func() { b.resp = append(b.resp[:i:i], b.resp[i+1:]...) })
		}
	}
	for p := range b.parts {
		if b.parts[p].hw < len(b.parts[p].log) {
			w.add(-1, 3, func() { b.parts[p].hw = len(b.parts[p].log) })
		}
		if w.c.slowISR {
			w.add(-1, w.bad(1), func() { b.leaderChange(p) })
		}
		if w.c.foreign {
			w.add(-1, w.bad(1), func() { b.foreign(p) })
		}
		if w.c.unclean && w.uncleans < 2 && w.store.saved != nil {
			w.add(mFault, w.bad(1), func() { w.uncleans++; b.unclean(p) })
		}
		if w.c.ages {
			w.add(mFault, w.bad(1), func() { b.age(p) })
		}
	}
}

func (w *world) enable() {
	w.acts = w.acts[:0]
	w.enableSource()
	w.enableBroker()
	w.enableSides()
	w.enableFailover()
	if w.stage == simDown {
		if w.stopped == "" {
			w.add(-1, 5, w.start)
		} else if w.other != nil {
			w.add(-1, w.bad(1), w.start)
		}
		return
	}
	if w.crashes < w.c.crashes {
		w.add(mCrash, w.bad(1), func() { w.crashes++; w.crash("between two steps") })
		w.add(mCrash, w.bad(1), func() { w.crashes++; w.dieIn = 1 + w.pick(6) })
	}
	for i, l := range w.r.lanes {
		w.enableLane(i, l)
	}
	switch w.stage {
	case simFencing:
		if !slices.ContainsFunc(w.r.lanes, func(l *lane) bool { return l.flight != nil }) {
			w.add(-1, 5, w.scan)
		}
	case simComparing:
		w.add(-1, 5, w.compare)
	case simSchema:
		if w.r.waiting == 0 {
			w.add(-1, 5, func() {
				w.r.saved.SchemaSent = true
				w.must(w.store.SchemaSent(w.ctx))
				w.stage = simRunning
			})
		}
	case simRunning:
		w.enableRunning()
	}
}

func (w *world) enableRunning() {
	r := w.r
	if err := r.passed(); err != nil {
		w.acts = w.acts[:0] // the run goes on with nothing
		w.add(-1, 1, func() { w.end(err) })
		return
	}
	if (w.pending != nil || w.stream.tx < len(w.src.txs) || w.stream.file < w.src.end().File) && !r.stalled() {
		w.add(mRoute, 8, w.routeNext)
	}
	if cs := r.openable(r.cfg.now()+60_000, 3); len(cs) > 0 && r.readers(3) > 0 && len(w.src.txs)-w.stream.tx <= 4 {
		w.add(-1, 3, func() {
			os := r.open(cs...)
			for _, c := range cs {
				w.logf("router: chunk %d OPEN at S=%v", c.ID, c.S)
			}
			w.workers = append(w.workers, &simWorker{w: &worker{os: os, src: w.turned, files: w.files, codec: w.deps.NewCodec(""), ids: w.counters, born: w.clock(len(os)), kept: w.kept()}})
		})
	}
	for _, k := range w.workers {
		w.enableWorker(k)
	}
	for i := range w.mail {
		w.add(mWork, 4, func() {
			m := w.mail[i]
			w.mail = append(w.mail[:i:i], w.mail[i+1:]...)
			if m.rows != nil {
				w.must(w.r.rowsChunk(m.o, m.rows))
			} else {
				w.r.lockedChunk(m.o, *m.locked)
			}
		})
	}
	for _, c := range r.active {
		w.enableChunk(c)
	}
	for _, c := range r.outdated() {
		w.add(-1, 1, func() { w.must(r.expire(w.ctx, []*chunk{c})); w.logf("router: chunk %d GONE", c.ID) })
	}
	if w.c.unclean {
		_, ends, err := w.b.Ends(w.ctx, r.saved.Lanes)
		w.must(err)
		err = r.short(r.ackedEnds(), ends)
		if err == nil && w.drain && w.worked(w.simSide) {
			err = r.intact(w.ctx, w.b)
		}
		if err != nil {
			w.add(-1, 2, func() { w.end(err) })
		}
	}
	if len(w.store.saved.Notes) < 60 && (w.c.notes == 0 || r.noted.Seq < w.c.notes) {
		w.add(mNote, w.bad(3), func() {
			w.must(r.takeNote(w.ctx))
			w.logf("router: note X=%v L=%v acked %v", r.noted.X, r.noted.L, r.noted.Offsets)
		})
	}
}

func (w *world) enableWorker(k *simWorker) {
	switch {
	case k.sent, k.wants && !k.w.os[0].chunk.cleared && k.w.os[0].current():
		return
	case k.w.at == stepVisible && !w.visible(k.w) && (w.drain && k.w.os[0].last == nil || !w.lockFree(k.w)):
		return // asking again changes nothing, or waits
	case k.w.at == stepLock && slices.ContainsFunc(k.w.os, func(o *opening) bool { return w.src.tlock[tableOf(o)] != 0 }):
		return
	}
	w.add(mWork, 4, func() {
		if k.wants && !k.w.os[0].current() { // its window was not empty: give up
			k.sent = true
			w.must(k.w.close())
			return
		}
		locked, rows, err := k.w.step(w.ctx)
		if err == errSimBusy {
			w.must(k.w.close())
			rows, err = k.w.failed(err), nil
		}
		w.must(err)
		k.sent = rows != nil
		k.wants = k.wants || locked != nil && k.w.os[0].quiet
		for i, o := range k.w.os {
			switch {
			case rows != nil:
				w.mail = append(w.mail, simMail{o: o, rows: rows[i]})
			case locked != nil:
				w.mail = append(w.mail, simMail{o: o, locked: locked})
			}
		}
	})
}

// clock is that of a worker that reads so many tables through its view: at times it takes too long for more.
func (w *world) clock(tables int) func() int64 {
	now := w.r.cfg.now()
	return func() int64 {
		if tables > 1 && w.pick(16) == 0 {
			now += longestView
		}
		return now
	}
}

func (w *world) visible(k *worker) bool {
	seen, err := w.src.Executed(w.ctx, k.os[0].need)
	w.must(err)
	return seen == nil || seen.Includes(k.os[0].need)
}

func (w *world) lockFree(k *worker) bool {
	last := k.os[0].last
	return last == nil || w.src.lock[w.src.keyOf(last.key[0])] == 0
}

func tableOf(o *opening) int { return slices.Index(simIDs[:], o.table.TableID) }

func (w *world) enableChunk(c *chunk) {
	r := w.r
	if c.clearable(r.point) {
		w.add(-1, 5, func() { r.clear(c) })
	}
	if c.sealable(r.point) {
		w.add(-1, 5, func() {
			if c.redefinable(r.point) {
				w.must(r.redefine(c))
				return
			}
			cs := []*chunk{c}
			for _, o := range r.active {
				if w.c.together > 1 && o != c && o.sealable(r.point) && !o.redefinable(r.point) && w.pick(2) == 0 {
					cs = append(cs, o)
				}
			}
			w.must(r.seal(w.ctx, cs...))
			w.limitChunks()
			for _, c := range cs {
				w.logf("router: chunk %d SEALED, H=%v rows %d patch %v", c.ID, c.H, c.Rows, c.Patch)
			}
		})
	}
	if r.handable(c) {
		w.add(mHand, 4, func() { w.must(r.hand(c, 1+40*w.pick(3))) })
	}
	if c.finished() {
		w.add(-1, 3, func() { w.must(r.finish(w.ctx, []*chunk{c})); w.logf("router: chunk %d DONE", c.ID) })
	}
}
