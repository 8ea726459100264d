package engine

import (
	"bytes"
	"context"
	"io"
	"slices"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// The data folder of the simulation. A power cut takes back what was not durable; a kill may come before or after
// any write.

type simStore struct {
	w     *world
	saved *Saved
	undo  []*Saved       // states that a power cut may go back to
	lies  map[int64]bool // notes that the topics no longer bear out
	cuts  map[int]int    // where partitions were cut under the running engine
}

// cut hears that the partition ends there now; if the engine takes more for acknowledged, its next notes lie too.
func (s *simStore) cut(part, end int, acked int64) {
	if acked > int64(end) {
		s.cuts[part] = end
	}
	for _, v := range append(s.undo, s.saved) {
		s.lie(v, part, end)
	}
}

func (s *simStore) lie(v *Saved, part, end int) {
	if v == nil {
		return
	}
	for _, n := range v.Notes {
		if n.Ends[part] > int64(end) {
			s.lies[n.Seq] = true
		}
	}
}

// repairable reports whether a note is left that the topics bear out, from after the first fences, and that the chunk
// files reach back to.
func (s *simStore) repairable(files *simFiles) bool {
	names, _ := files.List()
	for _, n := range s.saved.Notes {
		if !s.lies[n.Seq] && len(n.Sums) > 0 && !slices.Contains(n.Sums, 0) {
			if _, ok := reopened(s.saved, &n, names); ok {
				return true
			}
		}
	}
	return false
}

func (s *Saved) clone() *Saved {
	if s == nil {
		return nil
	}
	c := *s
	c.Notes = slices.Clone(s.Notes)
	c.Chunks = slices.Clone(s.Chunks)
	c.Schemas = slices.Clone(s.Schemas)
	c.Lanes = slices.Clone(s.Lanes)
	c.Runs = slices.Clone(s.Runs)
	return &c
}

func (s *simStore) write(durable bool, f func(*Saved)) error {
	s.w.mayDie("before a write")
	if durable {
		s.undo = nil
	} else {
		s.undo = append(s.undo, s.saved.clone())
	}
	next := s.saved.clone()
	f(next)
	s.saved = next
	s.w.mayDie("after a write")
	return nil
}

func (s *simStore) powerCut() {
	if len(s.undo) > 0 {
		s.saved = s.undo[s.w.pick(len(s.undo))]
		s.undo = nil
	}
}

func (s *simStore) Load(context.Context) (*Saved, error) { return s.saved.clone(), nil }

func (s *simStore) Begin(_ context.Context, v *Saved) error {
	s.saved = v.clone()
	return nil
}

func (s *simStore) Epoch(_ context.Context, producer int64, epoch int16, run string) error {
	return s.write(true, func(v *Saved) {
		v.Producer, v.Epoch, v.Runs, v.Plain = producer, epoch, append(v.Runs, run), v.Plain || producer == NoProducer
	})
}

func (s *simStore) Limited(_ context.Context, lowest map[string]int) error {
	return s.write(true, func(v *Saved) { v.Limits = lowest })
}

func (s *simStore) Doubled(_ context.Context, _ int, resent int64, at []int64) (d Doubles, err error) {
	err = s.write(true, func(v *Saved) {
		v.Doubles.Resent, v.Doubles.Found = v.Doubles.Resent+resent, v.Doubles.Found+int64(len(at))
		d = v.Doubles
	})
	return d, err
}

func (s *simStore) Move(_ context.Context, m *Saved) error {
	return s.write(true, func(v *Saved) { v.Server, v.Turn, v.Schemas = m.Server, m.Turn, slices.Clone(m.Schemas) })
}

func (s *simStore) SchemaSent(context.Context) error {
	return s.write(true, func(v *Saved) { v.SchemaSent = true })
}

func (s *simStore) Note(_ context.Context, n Note, versions []schema.Version, keep int64) error {
	return s.write(false, func(v *Saved) {
		v.Notes = append(v.Notes, n)
		for p, at := range n.Ends {
			if cut, ok := s.cuts[p]; ok && at > int64(cut) {
				s.lie(v, p, cut)
			}
		}
		v.Schemas = append(v.Schemas, versions...)
		v.Notes = slices.DeleteFunc(v.Notes, func(o Note) bool { return o.Seq < keep })
	})
}

func (s *simStore) Seal(_ context.Context, sealed, rests []Chunk) error {
	return s.write(true, func(v *Saved) {
		for _, c := range sealed {
			v.set(c)
		}
		v.Chunks = append(v.Chunks, rests...)
	})
}

func (s *simStore) Chunks(_ context.Context, cs []Chunk, durable bool) error {
	return s.write(durable, func(v *Saved) {
		for _, c := range cs {
			v.set(c)
		}
	})
}

func (s *simStore) Back(_ context.Context, seq int64, cs []Chunk) error {
	return s.write(true, func(v *Saved) {
		v.Notes = slices.DeleteFunc(v.Notes, func(n Note) bool { return n.Seq > seq })
		for n := range s.lies {
			if n > seq {
				delete(s.lies, n)
			}
		}
		for _, c := range cs {
			v.set(c)
		}
	})
}

func (s *simStore) Replan(_ context.Context, table cdc.TableID, cs []Chunk) error {
	return s.write(true, func(v *Saved) {
		v.Chunks = append(slices.DeleteFunc(v.Chunks, func(c Chunk) bool { return c.Table == table }), cs...)
	})
}

func (s *Saved) set(c Chunk) {
	if c.Status == snapshot.Open {
		panic("an OPEN chunk was saved")
	}
	for i := range s.Chunks {
		if s.Chunks[i].ID == c.ID {
			s.Chunks[i] = c
			return
		}
	}
	panic("a chunk was saved that was never planned")
}

// simFiles keep what was written; a power cut takes files that were not synced.
type simFiles struct {
	w     *world
	files map[string]*simFile
}

type simFile struct {
	w      *world
	data   []byte
	synced bool
}

func (f *simFiles) Create(name string) (File, error) {
	n := &simFile{w: f.w}
	f.files[name] = n
	return n, nil
}

func (f *simFiles) Open(name string, from int64) (io.ReadCloser, error) {
	n := f.files[name]
	if n == nil {
		return nil, &task.Error{Code: "data.chunk_file", Text: "no file " + name}
	}
	return io.NopCloser(bytes.NewReader(n.data[min(from, int64(len(n.data))):])), nil
}

func (f *simFiles) Remove(names ...string) error {
	for _, name := range names {
		delete(f.files, name)
	}
	return nil
}

func (f *simFiles) List() (names []string, err error) {
	for n := range f.files {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, nil
}

func (f *simFiles) powerCut() {
	for n, v := range f.files {
		if !v.synced {
			delete(f.files, n)
		}
	}
}

func (f *simFile) Write(b []byte) (int, error) {
	f.data = append(f.data, b...)
	f.w.mayDie("in a file")
	return len(b), nil
}

func (f *simFile) WritePast(b []byte) (int, error) { return f.Write(b) }

func (f *simFile) Sync() error {
	f.synced = true
	f.w.mayDie("after the sync of a file")
	return nil
}

func (f *simFile) Close() error { return nil }
