package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"sluice/engine"
	"sluice/engine/precheck"
	"sluice/engine/task"
)

const precheckHelp = `usage: sluice precheck TASKFILE [options]

Looks at the source, the selected tables and the target of a task, and says what
would go wrong and how to put it right. It changes nothing. The exit code is 4 if a
check fails that stops the task; warnings alone leave it 0.
`

func (p *program) precheck(ctx context.Context, args []string) int {
	f := p.flags("precheck", precheckHelp)
	data := f.String("data", "./data", "`DIR` with the progress of the task (default ./data); its free disk is looked at")
	asJSON := f.Bool("json", false, "the items as one JSON array")
	words, code, ok := f.parse(args, 1)
	if !ok {
		return code
	}
	spec, err := task.LoadFile(words[0], p.getenv)
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	ctx, release := stopOnSignal(ctx)
	defer release()
	a := &asker{spec: spec, data: *data}
	defer a.close()
	items, err := precheck.Run(ctx, a.deps(), nil)
	switch {
	case errors.Is(err, engine.ErrStopped):
		return exitStopped
	case err != nil:
		tell(p.stderr, err)
		return exitFailed
	case *asJSON:
		enc := json.NewEncoder(p.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(items)
	default:
		err = p.printItems(items)
	}
	switch {
	case err != nil:
		tell(p.stderr, err)
		return exitFailed
	case precheck.Blocks(items):
		return exitRefused
	}
	return exitDone
}

// printItems writes a table; what failed also tells cause and fix below its line.
func (p *program) printItems(items []precheck.Item) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, i := range items {
		word := map[precheck.Status]string{precheck.Passed: "ok", precheck.Skipped: "skipped", precheck.Failed: strings.ToUpper(string(i.Severity))}[i.Status]
		fmt.Fprintf(w, "%s\t%s\t%s\n", word, i.ID, i.Observed)
		if i.Status != precheck.Failed {
			continue
		}
		for _, more := range [][2]string{{"expected", i.Expected}, {"cause", i.Cause}, {"fix", i.Fix}} {
			for n, line := range strings.Split(more[1], "\n") {
				if n == 0 {
					line = more[0] + ": " + line
				}
				if more[1] != "" {
					fmt.Fprintf(w, "\t\t  %s\n", line)
				}
			}
		}
	}
	return w.Flush()
}
