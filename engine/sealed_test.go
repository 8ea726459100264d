package engine

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"
	"testing/iotest"

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

// TestRowsBeyondBlocks reads rows that no block holds, and files that end inside of one.
func TestRowsBeyondBlocks(t *testing.T) {
	const n = 50
	w := &sealedWriter{full: sealedBlock}
	for i := range n {
		b := w.row([]byte{byte(i)}, i-1, bytes.Repeat([]byte("k"), i))
		if err := w.end(append(b, bytes.Repeat([]byte("v"), 7*i)...), len(b)); err != nil {
			t.Fatal(err)
		}
	}
	for cut := range len(w.buf) + 1 {
		r := &sealedReader{file: io.NopCloser(iotest.HalfReader(bytes.NewReader(w.buf[:cut]))), block: make([]byte, 0, 1)}
		rows, size := 0, 0
		row, err := r.read()
		for ; err == nil; row, err = r.read() {
			if row.lane != rows-1 || len(row.msg.Key) != rows || len(row.msg.Value) != 7*rows || row.key[0] != byte(rows) {
				t.Fatalf("row %d came out as %+v", rows, row)
			}
			rows, size = rows+1, size+3+valueLength+row.bytes
		}
		if whole := size == cut; whole != (err == io.EOF) || !whole && err != io.ErrUnexpectedEOF {
			t.Fatalf("after %d of %d bytes and %d rows: %v", cut, len(w.buf), rows, err)
		}
		if cut == len(w.buf) && rows != n {
			t.Fatalf("%d rows", rows)
		}
	}
}

// TestRowsOfEarlierVersions: lengths of values were written as short as they are.
func TestRowsOfEarlierVersions(t *testing.T) {
	var b []byte
	for _, part := range []string{"key", "", "message key", "value"} {
		if part == "" {
			b = binary.AppendVarint(b, 3)
			continue
		}
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	var row sealedRow
	if n, err := row.parse(b); n != len(b) || err != nil || string(row.key) != "key" || row.lane != 3 || string(row.msg.Key) != "message key" || string(row.msg.Value) != "value" {
		t.Errorf("%d of %d bytes are read as %+v, %v", n, len(b), row, err)
	}
}
