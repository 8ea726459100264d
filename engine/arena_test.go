package engine

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestArena pushes records of all sizes and lets go of the oldest: what is not let go of stays as it was written, and a
// queue that does not grow takes no new memory.
func TestArena(t *testing.T) {
	type record struct{ key, value, wantKey, wantValue []byte }
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		a := arena{size: 256}
		var live []record
		text := func(most int) []byte {
			b := make([]byte, rnd.IntN(most))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			return b
		}
		push := func() {
			r := record{wantKey: text(80)}
			if rnd.IntN(2) == 0 { // as an event
				r.wantValue = text(400)
				r.value = append(a.reserve(), r.wantValue...)
				a.keep(r.value)
				r.key = a.copy(r.wantKey)
			} else { // as a row of a chunk
				r.wantValue = text(120)
				r.key, r.value = a.copy(r.wantKey), a.copy(r.wantValue)
			}
			a.records++
			live = append(live, r)
		}
		for range 500 {
			if rnd.IntN(3) > 0 {
				push()
			} else if n := rnd.IntN(len(live) + 1); n > 0 {
				a.release(n)
				live = live[n:]
			}
			for i, r := range live {
				if !bytes.Equal(r.key, r.wantKey) || !bytes.Equal(r.value, r.wantValue) {
					t.Fatalf("seed %d: record %d of %d was overwritten", seed, i, len(live))
				}
			}
		}
	}
	a := arena{size: 4096}
	row := make([]byte, 100)
	steady := func() {
		for range 100 {
			a.copy(row)
			a.records++
		}
		a.release(100)
	}
	steady()
	steady()
	if n := testing.AllocsPerRun(100, steady); n > 0 {
		t.Errorf("%.0f allocations of 100 records", n)
	}
}
