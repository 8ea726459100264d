package engine

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
)

// fakeStore keeps what is saved, in memory.
type fakeStore struct {
	mu     sync.Mutex
	saved  *Saved
	places map[int64]int // of the chunks by id
	fail   error         // of the next writes
	done   []int         // how many chunks became DONE each time that was stored
}

func (s *fakeStore) write(f func(*Saved)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		f(s.saved)
	}
	return s.fail
}

func (s *fakeStore) Load(context.Context) (*Saved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved.clone(), nil
}

func (s *fakeStore) Begin(_ context.Context, v *Saved) error {
	s.saved = v.clone()
	s.index()
	return nil
}

func (s *fakeStore) index() {
	s.places = map[int64]int{}
	for i, c := range s.saved.Chunks {
		s.places[c.ID] = i
	}
}

func (s *fakeStore) Epoch(_ context.Context, producer int64, epoch int16, run string) error {
	return s.write(func(v *Saved) {
		v.Producer, v.Epoch, v.Runs, v.Plain = producer, epoch, append(v.Runs, run), v.Plain || producer == NoProducer
	})
}

func (s *fakeStore) Limited(_ context.Context, lowest map[string]int) error {
	return s.write(func(v *Saved) { v.Limits = lowest })
}

func (s *fakeStore) Doubled(_ context.Context, _ int, resent int64, at []int64) (d Doubles, err error) {
	err = s.write(func(v *Saved) {
		v.Doubles.Resent, v.Doubles.Found = v.Doubles.Resent+resent, v.Doubles.Found+int64(len(at))
		d = v.Doubles
	})
	return d, err
}

func (s *fakeStore) Move(context.Context, *Saved) error { return errors.New("not played") }

func (s *fakeStore) SchemaSent(context.Context) error {
	return s.write(func(v *Saved) { v.SchemaSent = true })
}

func (s *fakeStore) Note(_ context.Context, n Note, versions []schema.Version, _ int64) error {
	return s.write(func(v *Saved) { v.Notes, v.Schemas = append(v.Notes, n), append(v.Schemas, versions...) })
}

func (s *fakeStore) Seal(_ context.Context, sealed, rests []Chunk) error {
	return s.write(func(v *Saved) {
		for _, c := range sealed {
			v.Chunks[s.places[c.ID]] = c
		}
		for _, rest := range rests {
			s.places[rest.ID] = len(v.Chunks)
			v.Chunks = append(v.Chunks, rest)
		}
	})
}

func (s *fakeStore) Chunks(_ context.Context, cs []Chunk, _ bool) error {
	return s.write(func(v *Saved) {
		for _, c := range cs {
			v.Chunks[s.places[c.ID]] = c
		}
		if cs[0].Status == snapshot.Done {
			s.done = append(s.done, len(cs))
		}
	})
}

func (s *fakeStore) Back(_ context.Context, seq int64, cs []Chunk) error {
	return s.write(func(v *Saved) {
		v.Notes = slices.DeleteFunc(v.Notes, func(n Note) bool { return n.Seq > seq })
		for _, c := range cs {
			v.Chunks[s.places[c.ID]] = c
		}
	})
}

func (s *fakeStore) Replan(_ context.Context, table cdc.TableID, cs []Chunk) error {
	return s.write(func(v *Saved) {
		v.Chunks = append(slices.DeleteFunc(v.Chunks, func(c Chunk) bool { return c.Table == table }), cs...)
		s.index()
	})
}

// fakeFiles are those of the simulation, used by several goroutines.
type fakeFiles struct {
	mu sync.Mutex
	simFiles
}

func (f *fakeFiles) Create(name string) (File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.simFiles.Create(name)
}

func (f *fakeFiles) Open(name string, from int64) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.simFiles.Open(name, from)
}

func (f *fakeFiles) Remove(names ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.simFiles.Remove(names...)
}

func (f *fakeFiles) List() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.simFiles.List()
}
