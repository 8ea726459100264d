package store

import (
	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
)

// The rows of a task's tables as SQL sees them. They are types of their own, so that a change of the engine's types
// is not a silent change of what is saved.

type startRow struct {
	Task          string   `db:"task"`
	ServerFlavor  string   `db:"server_flavor"`
	ServerID      string   `db:"server_id"`
	ServerVersion string   `db:"server_version"`
	Turn          uint32   `db:"turn"`
	Set           string   `db:"start_set"`
	Skip          position `db:"skip"`
	SkipTime      int64    `db:"skip_time"`
	End           position `db:"start_end"`
	SchemaSent    bool     `db:"schema_sent"`
	XA            bool     `db:"xa"`
}

func (r *startRow) into(s *engine.Saved) {
	s.Server = engine.Server{Flavor: cdc.Flavor(r.ServerFlavor), ID: r.ServerID, Version: r.ServerVersion}
	s.Start, s.Turn = r.Set, r.Turn
	s.Skip, s.SkipTime = cdc.Position(r.Skip), r.SkipTime
	s.End, s.SchemaSent = cdc.Position(r.End), r.SchemaSent
	s.XA = r.XA
}

func startOf(id string, s *engine.Saved) startRow {
	return startRow{Task: id, ServerFlavor: string(s.Server.Flavor), ServerID: s.Server.ID, ServerVersion: s.Server.Version,
		Turn: s.Turn, Set: s.Start, Skip: position(s.Skip), SkipTime: s.SkipTime,
		End: position(s.End), SchemaSent: s.SchemaSent, XA: s.XA}
}

type topicRow struct {
	Name       string `db:"name"`
	Partitions int    `db:"partitions"`
	Lowest     int    `db:"lowest"`
}

type laneRow struct {
	Topic     string `db:"topic"`
	Partition int    `db:"partition"`
}

type incarnationRow struct {
	ID   int64  `db:"id"`
	Task string `db:"task"`
	Name string `db:"name"`
}

func incarnationOf(id, name string) incarnationRow { return incarnationRow{Task: id, Name: name} }

type noteRow struct {
	Task    string                `db:"task"`
	Seq     int64                 `db:"seq"`
	X       position              `db:"x"`
	L       position              `db:"l"`
	Set     string                `db:"l_set"`
	Offsets document[[]int64]     `db:"offsets"`
	Ends    document[[]int64]     `db:"ends"`
	Sums    document[[]uint32]    `db:"sums"`
	Inside  string                `db:"inside"`
	Seen    document[engine.Seen] `db:"seen"`
	Reread  position              `db:"reread"`
	Before  string                `db:"reread_set"`
	Others  document[[]string]    `db:"others"`
}

func (r *noteRow) note() engine.Note {
	return engine.Note{Seq: r.Seq, X: cdc.Position(r.X), L: cdc.Position(r.L), Set: r.Set, Offsets: r.Offsets.of, Ends: r.Ends.of, Sums: r.Sums.of, Inside: r.Inside, Seen: r.Seen.of,
		Reread: cdc.Position(r.Reread), Before: r.Before, Others: r.Others.of}
}

// list is an empty one where there is none.
func list[T any](l []T) document[[]T] {
	if l == nil {
		l = []T{}
	}
	return document[[]T]{l}
}

func noteOf(id string, n engine.Note) noteRow {
	return noteRow{Task: id, Seq: n.Seq, X: position(n.X), L: position(n.L), Set: n.Set, Offsets: list(n.Offsets), Ends: list(n.Ends), Sums: list(n.Sums), Inside: n.Inside, Seen: document[engine.Seen]{n.Seen},
		Reread: position(n.Reread), Before: n.Before, Others: list(n.Others)}
}

type chunkRow struct {
	Task   string                    `db:"task"`
	ID     int64                     `db:"id"`
	DB     string                    `db:"db"`
	Name   string                    `db:"name"`
	After  document[*snapshot.Bound] `db:"after"`
	Upto   document[*snapshot.Bound] `db:"upto"`
	Status uint8                     `db:"status"`
	S      position                  `db:"s"`
	H      position                  `db:"h"`
	HSet   string                    `db:"h_set"`
	Note   int64                     `db:"note_seq"`
	Schema int                       `db:"schema_ver"`
	File   string                    `db:"file"`
	Rows   int64                     `db:"rows"`
	Bytes  int64                     `db:"bytes"`
	Sum    uint32                    `db:"sum"`
	Patch  bool                      `db:"patch"`
	Closed int64                     `db:"closed"`
}

func (r *chunkRow) chunk() engine.Chunk {
	return engine.Chunk{ID: r.ID, Table: cdc.TableID{Schema: r.DB, Name: r.Name}, After: r.After.of, Upto: r.Upto.of,
		Status: snapshot.Status(r.Status), S: cdc.Position(r.S), H: cdc.Position(r.H), HSet: r.HSet, Note: r.Note,
		Schema: r.Schema, File: r.File, Rows: r.Rows, Bytes: r.Bytes, Sum: r.Sum, Patch: r.Patch, Closed: r.Closed}
}

func chunkOf(id string, c engine.Chunk) chunkRow {
	return chunkRow{Task: id, ID: c.ID, DB: c.Table.Schema, Name: c.Table.Name,
		After: document[*snapshot.Bound]{c.After}, Upto: document[*snapshot.Bound]{c.Upto},
		Status: uint8(c.Status), S: position(c.S), H: position(c.H), HSet: c.HSet, Note: c.Note,
		Schema: c.Schema, File: c.File, Rows: c.Rows, Bytes: c.Bytes, Sum: c.Sum, Patch: c.Patch, Closed: c.Closed}
}

type versionRow struct {
	ID      int64                `db:"id"`
	Task    string               `db:"task"`
	DB      string               `db:"db"`
	Name    string               `db:"name"`
	Version int                  `db:"version"`
	At      position             `db:"at"`
	How     string               `db:"how"`
	Create  string               `db:"create_sql"`
	Table   document[*cdc.Table] `db:"definition"`
}

func (r *versionRow) version() schema.Version {
	return schema.Version{Table: r.Table.of, At: cdc.Position(r.At), How: schema.How(r.How), Create: r.Create}
}

func versionOf(id string, v schema.Version) versionRow {
	return versionRow{Task: id, DB: v.Table.Schema, Name: v.Table.Name, Version: v.Table.Version,
		At: position(v.At), How: string(v.How), Create: v.Create, Table: document[*cdc.Table]{v.Table}}
}
