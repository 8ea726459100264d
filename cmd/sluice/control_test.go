package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/engine/task"
)

func TestDesk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "control.sock"), nil, 0o600); err != nil { // left by a killed process
		t.Fatal(err)
	}
	end := newEnding()
	d, err := listen(dir, "shop", end)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(name string) (int, string) {
		var out, errs strings.Builder
		p := &program{stdout: &out, stderr: &errs}
		return p.askEnd(t.Context(), dir, name, errors.New("locked")), errs.String()
	}
	if code, text := ask("other"); code != exitRefused || !strings.Contains(text, `runs the task "shop"`) {
		t.Errorf("another task: %d %s", code, text)
	}
	select {
	case <-end.asked:
		t.Fatal("the question for another task ended this one")
	default:
	}
	type answer struct {
		code int
		text string
	}
	answers := make(chan answer)
	for range 2 {
		go func() { code, text := ask("shop"); answers <- answer{code, text} }()
	}
	<-end.asked
	// Both must have been heard before the desk closes: a third question is heard after them or not at all.
	go func() { d.close(task.Failed) }()
	heard := 0
	for range 2 {
		if a := <-answers; strings.Contains(a.text, "The task is failed") && a.code == exitFailed {
			heard++
		} else if a.code == exitDone {
			t.Errorf("%+v", a)
		}
	}
	if heard == 0 {
		t.Error("nobody heard how the run came out")
	}
	if code, text := ask("shop"); code != exitFailed || !strings.Contains(text, "locked") {
		t.Errorf("nobody runs it: %d %s", code, text)
	}
}
