package engine

import (
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// TestDroppedTableBesideUnprovenChunk: chunks of a dropped table that were never read are no files that are missing, where
// a chunk is to be handed over again that was acknowledged after the newest note.
func TestDroppedTableBesideUnprovenChunk(t *testing.T) {
	t.Parallel()
	h := cdc.Position{File: 1, Offset: 400}
	done := Chunk{ID: 1, Status: snapshot.Done, H: h, Note: 1, File: "1-1-1", Closed: 3}
	dropped := Chunk{ID: 2, Status: snapshot.Gone, Closed: 3}
	s := &Saved{Notes: []Note{{Seq: 1}, {Seq: 3, L: h}}, Chunks: []Chunk{done, dropped}}
	cs, ok := reopened(s, &s.Notes[1], []string{"1-1-1"})
	if !ok || len(cs) != 1 || cs[0].ID != 1 || cs[0].Status != snapshot.Sealed {
		t.Errorf("%v, %v", cs, ok)
	}
	s.Chunks[1].File = "2-1-1" // its rows were sent: they may be what the log lost
	if cs, ok := reopened(s, &s.Notes[1], []string{"1-1-1"}); ok {
		t.Errorf("without the file of chunk 2: %v", cs)
	}
}
