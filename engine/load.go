package engine

import (
	"context"

	"sluice/engine/task"
)

// Load is what a source does beside the task.
type Load struct {
	Running int // threads
	Behind  int // seconds that it is behind what it replicates itself; 0 where it does not, or may not be asked
}

// mostBehind is how many seconds a replica may be behind before the full copy spares it.
const mostBehind = 10

// busy reports whether the source has little to spare for the full copy, apart from what this task has running there.
func (l *loop) busy() bool {
	most := l.d.Spec.Threads()
	return most > 0 && (l.load.Running-l.readers > most || l.load.Behind > mostBehind)
}

// mayRead is how many chunks may be read at once. A busy source is read from by one worker: a copy that rested until
// nobody works there might never end.
func (l *loop) mayRead() int {
	if l.busy() {
		return 1
	}
	return l.d.workers()
}

// lookAtLoad asks what the source does, while there is anything left to copy, one question at a time. Nothing waits for its
// answer, which a busy source may take long for; until then, and where it says nothing, the last one holds.
func (l *loop) lookAtLoad(ctx context.Context) {
	if !l.copies.Load() || l.d.Spec.Threads() == task.NoThreads || !l.loading.CompareAndSwap(false, true) {
		return
	}
	l.wg.Go(func() {
		defer l.loading.Store(false)
		load, err := l.d.Source.Load(ctx)
		if err != nil {
			return // the question for the log's end tells whether the source is gone
		}
		select {
		case l.loads <- load:
		case <-ctx.Done():
		}
	})
}
