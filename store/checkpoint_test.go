package store

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

var update = flag.Bool("update", false, "write the golden of the newest version anew")

// savedFixture has every field set, at the edges of what it can hold.
func savedFixture() *engine.Saved {
	set := "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"
	table := &cdc.Table{TableID: orders, Version: 1, Primary: []int{0},
		Columns: []cdc.Column{
			{Name: "id", Type: cdc.BigInt, Declared: "bigint unsigned", Unsigned: true},
			{Name: "文字", Type: cdc.VarChar, Declared: "varchar(20)", Nullable: true, Length: 20, Charset: "utf8mb4", Collation: "utf8mb4_0900_bin"},
			{Name: "e", Type: cdc.Enum, Declared: "enum('a','''')", Labels: []string{"a", "'"}, Generated: true, Invisible: true},
			{Name: "d", Type: cdc.Decimal, Declared: "decimal(10,2)", Precision: 10, Scale: 2, Fsp: 6},
		},
		Uniques: []cdc.Index{{Name: "u", Columns: []int{1, 3}, Prefix: true}}}
	bound := &snapshot.Bound{Key: []byte{0, 255, 'k'}, Row: cdc.Row{
		{Kind: cdc.KindUint, Num: -1}, {Kind: cdc.KindText, Bytes: []byte("a\x00\xff'")}, {}, {Kind: cdc.KindInt, Num: math.MinInt64}}}
	return &engine.Saved{
		Task: "00112233aabbccdd", Generation: 1,
		Server: engine.Server{Flavor: cdc.MySQL, ID: "3e11fa47-71ca-11e1-9e33-c80aa9429562", Version: "8.0.33"},
		Turn:   3, Start: set, Skip: cdc.Position{File: 1, Offset: 4}, SkipTime: 1748779200000001,
		End:        cdc.Position{File: 78, Offset: math.MaxUint64},
		Partitions: map[string]int{"shop": 6, "other": 1}, Limits: map[string]int{"shop": 1048588},
		Lanes:    []engine.Partition{{Topic: "shop", ID: 5}, {Topic: "other", ID: 0}, {Topic: "shop", ID: 0}},
		Producer: math.MaxInt64, Epoch: 7, SchemaSent: true, XA: true, Runs: []string{"first", "second"},
		Notes: []engine.Note{
			{Seq: 1, X: cdc.Position{File: 77, Offset: 4}, L: cdc.Position{File: 77, Offset: 4}, Set: set, Offsets: []int64{0, 0, 0}, Ends: []int64{}, Sums: []uint32{}, Others: []string{}},
			{Seq: 2, X: cdc.Position{File: 78, Offset: 900}, L: cdc.Position{File: 78, Offset: 500, Row: 3}, Set: set + ":99", Offsets: []int64{10, math.MaxInt64, 0},
				Ends: []int64{12, math.MaxInt64, 0}, Sums: []uint32{math.MaxUint32, 1, 0},
				Inside: "3e11fa47-71ca-11e1-9e33-c80aa9429562:78",
				Seen:   engine.Seen{At: cdc.Position{File: 78, Offset: 9000}, Last: cdc.Position{File: 78, Offset: 8000}, TID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:79", Time: 1790000000000001, Begun: 1},
				Reread: cdc.Position{File: 77, Offset: 900, Turn: 2}, Before: set, Others: []string{"X'00ff',X'',1", "X'67',X'62',7"}},
		},
		Chunks: []engine.Chunk{
			{ID: 1, Table: orders, Upto: bound, Status: snapshot.Gone, Closed: 1},
			{ID: 2, Table: orders, After: bound, Status: snapshot.Sealed, S: cdc.Position{File: 78, Offset: 500}, H: cdc.Position{File: 78, Offset: 700},
				HSet: set, Note: 1, Schema: 1, File: "3-2.rows", Rows: 5000, Bytes: 1 << 33, Sum: math.MaxUint32, Patch: true},
			{ID: 3, Table: cdc.TableID{Schema: "shop", Name: "items"}},
		},
		Schemas: []schema.Version{
			{Table: table, At: cdc.Position{File: 77, Offset: 4}, How: schema.HowBaseline, Create: "CREATE TABLE `orders` (…)"},
			{Table: &cdc.Table{TableID: orders, Version: 1}, At: cdc.Position{File: 78, Offset: 800}, How: schema.HowDrop, Create: "DROP TABLE orders"},
		},
	}
}

// fixture is a task in the fixture's name, started.
func fixture(t *testing.T, s *Store) *Task {
	t.Helper()
	want := savedFixture()
	h, _, err := s.Task(t.Context(), fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	if h.ID() != want.Task {
		if _, err := s.db.Exec("UPDATE task SET id = ?", want.Task); err != nil {
			t.Fatal(err)
		}
		if h, _, err = s.Task(t.Context(), fullSpec()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

func wantSaved(t *testing.T, h *Task, want *engine.Saved) {
	t.Helper()
	got, err := h.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		a, _ := json.MarshalIndent(got, "", " ")
		b, _ := json.MarshalIndent(want, "", " ")
		t.Fatalf("got %s\nwant %s", a, b)
	}
}

func end(t *testing.T, h *Task) {
	t.Helper()
	if err := h.End(t.Context(), task.Stopped, nil); err != nil {
		t.Fatal(err)
	}
}

func TestSavedComesBack(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h := fixture(t, s)
	defer end(t, h)
	wantSaved(t, h, nil) // before Begin
	want := savedFixture()
	if err := h.Begin(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	wantSaved(t, h, want)
	want.Limits = map[string]int{"shop": 1000, "other": 2000}
	if err := h.Limited(t.Context(), want.Limits); err != nil {
		t.Fatal(err)
	}
	wantSaved(t, h, want)
	if err := h.Begin(t.Context(), want); err == nil {
		t.Fatal("a task began twice")
	}
	want.Generation = 2
	if err := h.Begin(t.Context(), want); err == nil {
		t.Fatal("the start of another generation was taken")
	}
}

// TestGolden holds the saved form of each version: every golden is read as it was meant, and the newest is what is
// written today.
func TestGolden(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h := fixture(t, s)
	if err := h.Begin(t.Context(), savedFixture()); err != nil {
		t.Fatal(err)
	}
	if err := h.Event(t.Context(), Info, "task.began", map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	end(t, h)
	var version int
	if err := s.db.Get(&version, "PRAGMA user_version"); err != nil {
		t.Fatal(err)
	}
	newest := filepath.Join("testdata", fmt.Sprintf("v%d.sql", version))
	now := dump(t, s.db, version)
	if *update {
		if err := os.WriteFile(newest, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(newest); err != nil || string(text) != now {
		t.Errorf("what is written is not %s (%v); a change of the saved form needs a migration\n%s", newest, err, now)
	}
	for v := 1; v <= version; v++ {
		t.Run(strconv.Itoa(v), func(t *testing.T) { readGolden(t, v) })
	}
}

func readGolden(t *testing.T, version int) {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("v%d.sql", version)))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlx.Open("sqlite", address(filepath.Join(dir, "sluice.db")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(text)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	h := fixture(t, openAt(t, dir, newClock()))
	defer end(t, h)
	want := savedFixture()
	if version < 3 {
		want.Runs, want.Turn, want.Chunks[0].Closed = nil, 0, 0
		want.Notes[1].Ends, want.Notes[1].Sums, want.Notes[1].Inside = []int64{}, []uint32{}, ""
	}
	if version < 4 {
		want.Notes[1].Seen = engine.Seen{}
	}
	if version < 5 {
		want.XA = false
		want.Notes[1].Reread, want.Notes[1].Before, want.Notes[1].Others = cdc.Position{}, "", []string{}
	}
	if version < 6 {
		want.Limits = nil
	}
	wantSaved(t, h, want)
	if events, err := h.Events(t.Context(), 9); err != nil || len(events) != 1 || events[0].Params["a"] != "b" || h.Incarnation() != 2 {
		t.Fatal(events, err, h.Incarnation())
	}
}

// dump writes the database as SQL that makes it again.
func dump(t *testing.T, db *sqlx.DB, version int) string {
	t.Helper()
	var b strings.Builder
	var made []struct{ Type, Name, SQL string }
	if err := db.Select(&made, "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"); err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		b.WriteString(m.SQL + ";\n")
	}
	for _, m := range made {
		if m.Type != "table" {
			continue
		}
		var columns []string
		if err := db.Select(&columns, "SELECT name FROM pragma_table_info(?)", m.Name); err != nil {
			t.Fatal(err)
		}
		for i, c := range columns {
			columns[i] = "quote(" + c + ")"
		}
		var rows []string
		if err := db.Select(&rows, "SELECT "+strings.Join(columns, " || ', ' || ")+" FROM "+m.Name); err != nil {
			t.Fatal(err)
		}
		slices.Sort(rows)
		for _, r := range rows {
			b.WriteString("INSERT INTO " + m.Name + " VALUES (" + r + ");\n")
		}
	}
	return b.String() + fmt.Sprintf("PRAGMA user_version = %d;\n", version)
}

func TestProgressIsSaved(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h := fixture(t, s)
	defer end(t, h)
	want := savedFixture()
	want.SchemaSent = false
	if err := h.Begin(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	items := cdc.TableID{Schema: "shop", Name: "items"}
	next := schema.Version{Table: &cdc.Table{TableID: items, Version: 1}, At: cdc.Position{File: 79, Offset: 4}, How: schema.HowDDL}
	sealed := engine.Chunk{ID: 3, Table: items, Status: snapshot.Sealed, File: "f", Rows: 1, Upto: want.Chunks[0].Upto}
	rest := engine.Chunk{ID: 4, Table: items, After: sealed.Upto}
	done := want.Chunks[1]
	done.Status, done.H, done.HSet = snapshot.Gone, cdc.Position{}, ""
	back := want.Chunks[1]
	back.Note = 1
	planned := engine.Chunk{ID: 9, Table: items}
	note := engine.Note{Seq: 3, X: cdc.Position{File: 79, Offset: 9}, Offsets: []int64{1, 2, 3}, Ends: []int64{1, 2, 4}, Sums: []uint32{7, 8, 9}}
	moved := &engine.Saved{Task: want.Task, Generation: want.Generation, Server: engine.Server{Flavor: cdc.MySQL, ID: "another", Version: "8.4.0"}, Turn: 4, Schemas: want.Schemas[:1]}
	steps := []struct {
		name string
		do   error
		want func()
	}{
		{"epoch", h.Epoch(t.Context(), 8, 0, "third"), func() { want.Producer, want.Epoch, want.Runs = 8, 0, append(want.Runs, "third") }},
		{"no producer", h.Epoch(t.Context(), engine.NoProducer, 1, "fourth"), func() {
			want.Producer, want.Epoch, want.Plain, want.Runs = engine.NoProducer, 1, true, append(want.Runs, "fourth")
		}},
		{"a producer again", h.Epoch(t.Context(), 9, 2, "fifth"), func() { want.Producer, want.Epoch, want.Runs = 9, 2, append(want.Runs, "fifth") }},
		{"doubles", doubled(h, 0, 7, []int64{5, 6}), func() { want.Doubles = engine.Doubles{Resent: 7, Found: 2} }},
		{"the same doubles", doubled(h, 0, 1, []int64{6}), func() { want.Doubles.Resent++ }},
		{"of another lane", doubled(h, 1, 0, []int64{6}), func() { want.Doubles.Found++ }},
		{"schema sent", h.SchemaSent(t.Context()), func() { want.SchemaSent = true }},
		{"note", h.Note(t.Context(), note, []schema.Version{next}, 0), func() { want.Notes, want.Schemas = append(want.Notes, note), append(want.Schemas, next) }},
		{"move", h.Move(t.Context(), moved), func() { want.Server, want.Turn, want.Schemas = moved.Server, moved.Turn, moved.Schemas }},
		{"seal", h.Seal(t.Context(), []engine.Chunk{sealed}, []engine.Chunk{rest}), func() { want.Chunks[2] = sealed; want.Chunks = append(want.Chunks, rest) }},
		{"chunks", h.Chunks(t.Context(), []engine.Chunk{done}, true), func() { want.Chunks[1] = done }},
		{"back", h.Back(t.Context(), 2, []engine.Chunk{back}), func() { want.Notes, want.Chunks[1] = want.Notes[:2], back }},
		{"replan", h.Replan(t.Context(), items, []engine.Chunk{planned}), func() { want.Chunks = append(want.Chunks[:2], planned) }},
	}
	for _, step := range steps {
		if step.do != nil {
			t.Fatal(step.name, step.do)
		}
		step.want()
	}
	wantSaved(t, h, want)
	for name, err := range map[string]error{
		"a note with an old number": h.Note(t.Context(), want.Notes[1], nil, 0),
		"seal of a NEW chunk":       h.Seal(t.Context(), []engine.Chunk{rest}, nil),
		"plan with a foreign chunk": h.Replan(t.Context(), items, []engine.Chunk{{ID: 50, Table: orders}}),
		"plan with a used number":   h.Replan(t.Context(), items, []engine.Chunk{{ID: 1, Table: items}}),
	} {
		if err == nil {
			t.Error(name, "was accepted")
		}
	}
	wantSaved(t, h, want) // and what was refused left nothing
}

func doubled(h *Task, lane int, resent int64, at []int64) error {
	_, err := h.Doubled(context.Background(), lane, resent, at)
	return err
}

func TestVersionThatIsReadAgainIsStoredOnce(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, run := begun(t, s)
	v := schema.Version{Table: &cdc.Table{TableID: orders, Version: 2}, At: cdc.Position{File: 1, Offset: 5}, How: schema.HowDDL, Create: "ALTER …"}
	for seq := int64(1); seq <= 2; seq++ {
		if err := h.Note(run, engine.Note{Seq: seq}, []schema.Version{v}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := h.Load(run); err != nil || len(got.Schemas) != 1 {
		t.Fatal(got, err)
	}
}

func TestNotesBeforeTheOldestToKeepArePruned(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, run := begun(t, s)
	for _, tt := range []struct{ seq, keep, oldest int64 }{{1, -999, 1}, {2, 1, 1}, {3, 1, 1}, {4, 3, 3}, {5, 3, 3}, {6, 6, 6}} {
		if err := h.Note(run, engine.Note{Seq: tt.seq}, nil, tt.keep); err != nil {
			t.Fatal(err)
		}
		var oldest int64
		if err := s.db.Get(&oldest, "SELECT min(seq) FROM note"); err != nil || oldest != tt.oldest {
			t.Fatalf("%+v: the oldest is %d, %v", tt, oldest, err)
		}
	}
}

func TestSealedSurvivesKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := startChild(t, "seal", dir)
	last := int64(0)
	for line := child.next(t); last < 50; line = child.next(t) {
		if line != "open" {
			last, _ = strconv.ParseInt(line, 10, 64)
		}
	}
	child.kill()
	s := openAt(t, dir, newClock())
	h, run := started(t, s)
	got, err := h.Load(run)
	if err != nil {
		t.Fatal(err)
	}
	// The child may have sealed some more than it came to say; each sealed one has its rest, and the rest is NEW.
	n := int64(len(got.Chunks))
	if n < last+1 {
		t.Fatalf("%d chunks were sealed and only %d are there with the rest", last, n)
	}
	for i, c := range got.Chunks[:n-1] {
		if c.ID != int64(i+1) || c.Status != snapshot.Sealed || c.Rows != c.ID*10 {
			t.Fatalf("chunk %d: %+v", i+1, c)
		}
	}
	if rest := got.Chunks[n-1]; rest.ID != n || rest.Status != snapshot.New {
		t.Fatalf("the rest: %+v", rest)
	}
	var ok string
	if err := s.db.Get(&ok, "PRAGMA integrity_check"); err != nil || ok != "ok" {
		t.Fatal(ok, err)
	}
}

func TestLoadBeforeBegin(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, run := started(t, s)
	if got, err := h.Load(run); got != nil || err != nil {
		t.Errorf("got %v, %v, want nothing", got, err)
	}
}
