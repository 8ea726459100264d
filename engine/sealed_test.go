package engine

import (
	"slices"
	"testing"

	"sluice/engine/task"
)

// TestDamagedChunkFile damages the file of a chunk between two runs: nothing of it is sent, and the task says so.
func TestDamagedChunkFile(t *testing.T) {
	for name, damage := range map[string]func(f *simFiles, file string){
		"missing":   func(f *simFiles, file string) { delete(f.files, file) },
		"cut short": func(f *simFiles, file string) { f.files[file].data = f.files[file].data[:len(f.files[file].data)-3] },
		"empty":     func(f *simFiles, file string) { f.files[file].data = nil },
		"changed":   func(f *simFiles, file string) { d := f.files[file].data; d[len(d)-1] ^= 1 },
		"longer":    func(f *simFiles, file string) { f.files[file].data = append(f.files[file].data, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, simConfig{parts: 1, zero: true})
			for k := range keysA {
				s.set(k)
			}
			s.up()
			c := s.openTable(0, func() {})
			s.seal(c)
			file := c.File
			s.crash("before a row is sent")
			s.files.files[file].data = slices.Clone(s.files.files[file].data)
			damage(s.files, file)
			s.up()
			c = s.r.active[0]
			if err := s.r.hand(c, 1<<20); task.Code(err) != "data.chunk_file" {
				t.Errorf("handing over gave %v", err)
			}
			if l := s.r.lanes[0]; l.head < len(l.queue) {
				t.Errorf("%d rows of a damaged file wait to be sent", len(l.queue)-l.head)
			}
		})
	}
}
