package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"sluice/engine/enginetest/wait"
)

// TestKeptRows reads a chunk's rows whose beginning is kept in memory, as far as there is any: they are those of the file,
// which is whole.
func TestKeptRows(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	var values [][]byte
	for range 12_000 { // some 16 blocks of small ones, the later ones larger, and a few that no block holds
		values = append(values, bytes.Repeat([]byte{byte(draw.IntN(256))}, draw.IntN(700)))
	}
	for range 4 {
		values = append(values, bytes.Repeat([]byte{byte(draw.IntN(256))}, sealedBlock+draw.IntN(sealedBlock)))
	}
	values = append(values, []byte("the last"))
	for _, most := range []int64{0, sealedBlock, 2 * sealedBlock, 3 * sealedBlock, 6 * sealedBlock, 3 * largeBlock, 1 << 40} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			memory := &keptMemory{most: most}
			files := newWorld(simConfig{parts: 1}).files
			w, err := newSealedWriter(files, "1-1-1")
			if err != nil {
				t.Fatal(err)
			}
			w.keep(memory)
			for i, v := range values {
				b := w.row([]byte(fmt.Sprint(i)), i%3, []byte("key"))
				if err := w.end(append(b, v...), len(b)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.last(); err != nil {
				t.Fatal(err)
			}
			c := &Chunk{File: "1-1-1", Bytes: w.bytes, Sum: w.sum}
			if err := w.finish(); err != nil {
				t.Fatal(err)
			}
			if most == 0 && w.kept.length > 0 || most == 1<<40 && w.kept.length < c.Bytes || most > 0 && memory.taken.Load() == 0 && most >= 2*sealedBlock {
				t.Errorf("%d of %d bytes are kept", w.kept.length, c.Bytes)
			}
			if err := verifySealed(files, c); err != nil {
				t.Error(err)
			}
			for _, kept := range []*keptRows{w.kept, nil} { // nil: after a restart
				r, err := openSealed(files, c, kept == nil, kept)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range values {
					row, err := r.next()
					if err != nil || string(row.key) != fmt.Sprint(i) || row.lane != i%3 || !bytes.Equal(row.msg.Value, v) {
						t.Fatalf("row %d of %d bytes came out as %.20q: %v", i, len(v), row.key, err)
					}
				}
				if row, err := r.next(); err != io.EOF {
					t.Fatalf("behind the last row comes %.20q: %v", row.key, err)
				}
				if err := r.close(); err != nil {
					t.Fatal(err)
				}
				if n := memory.taken.Load(); n != 0 {
					t.Errorf("%d bytes are still taken", n)
				}
			}
		})
	}
}

// TestKeptRowsThrownAway: an attempt that comes to nothing gives its memory back.
func TestKeptRowsThrownAway(t *testing.T) {
	memory := &keptMemory{most: 1 << 20}
	k := memory.rows()
	for range 2 {
		if !k.keep(smallBlocks.get(), 0) {
			t.Fatal("it is not kept")
		}
	}
	if k = nil; memory.taken.Load() == 0 {
		t.Fatal("nothing is taken")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := wait.Until(ctx, func() error {
		runtime.GC()
		if n := memory.taken.Load(); n != 0 {
			return fmt.Errorf("%d bytes are still taken", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestReaders: the more is sealed and waits, the fewer chunks are read at once.
func TestReaders(t *testing.T) {
	r := &router{cfg: config{chunkBytes: 12, ahead: 36}}
	wait := func(bytes int64, released bool) {
		r.active = append(r.active, &chunk{Chunk: Chunk{Bytes: bytes}, released: released})
	}
	for _, c := range []struct {
		bytes    int64
		released bool
		of4, of1 int
	}{{0, false, 4, 1}, {8, false, 4, 1}, {100, true, 4, 1}, {1 << 40, false, 2, 1}, {15, false, 1, 1}, {12, false, 0, 0}, {12, false, 0, 0}} {
		wait(c.bytes, c.released)
		if of4, of1 := r.readers(4), r.readers(1); of4 != c.of4 || of1 != c.of1 {
			t.Errorf("after one more of %d bytes, released %t: %d of 4 and %d of 1", c.bytes, c.released, of4, of1)
		}
	}
}
