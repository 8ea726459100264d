package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sluice/engine/enginetest/wait"
)

// calm makes the machine alike for all before a measurement. It waits until what the contest before left behind is gone,
// for a broker deletes the files of a topic some time after the topic; then it sees to the memory that is free.
func (w *world) calm() {
	w.Helper()
	if *runs == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	err := wait.Until(ctx, func() error {
		gone, err := filepath.Glob(filepath.Join(w.k.Dir, "data", "*-delete"))
		if err == nil && len(gone) > 0 {
			err = fmt.Errorf("%d partitions that are deleted still have files", len(gone))
		}
		return err
	})
	if err == nil {
		err = w.ballast.renew()
	}
	if err != nil {
		w.Fatal(err)
	}
}

// ballast is all memory that would be free else. On a virtual machine the first program to write a page that its host has
// not given yet, or has taken back because it was free for a while, pays several times what the writing costs, and which
// pages those are is chance. So all free memory is in use between the contests, and what is given back for one was in use
// just before.
type ballast [][]byte

const (
	ballastPiece = 64 << 20
	ballastGiven = 2 << 30   // for a contest
	ballastLeft  = 256 << 20 // is free between them too
)

// renew takes all that is free, and gives back what a contest may need.
func (b *ballast) renew() error {
	for kernelSays("/proc/meminfo", "MemFree") > ballastLeft+ballastPiece {
		piece, err := syscall.Mmap(-1, 0, ballastPiece, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			return err
		}
		for i := 0; i < len(piece); i += os.Getpagesize() {
			piece[i] = 1
		}
		*b = append(*b, piece)
	}
	return b.give(ballastGiven / ballastPiece)
}

// give gives so many pieces back, if there are.
func (b *ballast) give(pieces int) error {
	for range min(pieces, len(*b)) {
		last := len(*b) - 1
		if err := syscall.Munmap((*b)[last]); err != nil {
			return err
		}
		*b = (*b)[:last]
	}
	return nil
}

// kernelSays gives a line of a file of the kernel's, in bytes.
func kernelSays(file, name string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
