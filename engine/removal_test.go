package engine

import (
	"errors"
	"testing"
)

// slowFiles removes nothing before it is let to.
type slowFiles struct {
	Files
	let     chan error
	removed chan string
}

func (f *slowFiles) Remove(names ...string) error {
	err := <-f.let
	for _, n := range names {
		f.removed <- n
	}
	return err
}

func TestRemovalBeside(t *testing.T) {
	f := &slowFiles{let: make(chan error), removed: make(chan string, 2)}
	r := removal{files: f}
	if err := r.remove("a"); err != nil { // or this test would not go on
		t.Fatal(err)
	}
	full := errors.New("the disk can't be written")
	f.let <- full
	if err := r.wait(); !errors.Is(err, full) || <-f.removed != "a" {
		t.Fatalf("%v", err)
	}
	if err := r.remove("b"); err != nil {
		t.Fatalf("told twice: %v", err)
	}
	f.let <- full
	r.wg.Wait()
	if err := r.remove(); !errors.Is(err, full) {
		t.Fatalf("the next one is to tell it, not %v", err)
	}
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
}
