package precheck

import "context"

// leastFree is what the data folder should have free: chunk files of a full copy, and the database of progress.
const leastFree = 1 << 30

// taskChecks look at this machine, and at what people agreed to.
func taskChecks() []check {
	return []check{
		{id: "task.spool", group: "task", run: spool},
		{id: "task.terms", group: "task", when: func(d *Deps) bool { return d.Terms != nil }, run: terms},
	}
}

func spool(_ context.Context, f *facts) finding {
	free, err := f.Free()
	if err != nil {
		return refused(err)
	}
	params := []string{"Free", size(int64(min(free, 1<<62))), "Needed", size(leastFree)}
	if free >= leastFree {
		return passed("spool.ok", params...)
	}
	return failed("spool.full", params...)
}

func terms(_ context.Context, f *facts) finding {
	if *f.Terms == "" {
		return failed("terms.open")
	}
	return passed("terms.ok", "Accepted", *f.Terms)
}

// shared tells which other tasks write to the topics: their records will stand side by side.
func shared(ctx context.Context, f *facts) finding {
	others, err := f.Sharing(ctx, f.Spec.Topics())
	if err != nil {
		return refused(err)
	}
	if len(others) > 0 {
		return failed("shared.found", "Tasks", list(others))
	}
	return passed("shared.none")
}
