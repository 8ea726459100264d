package oracle

import (
	"reflect"
	"strings"
	"testing"
)

type row = []any

// history is a source with every kind of change and the records of a task that copied it without a fault. The full
// copy's chunk of d.t has H behind transaction 5, that of d.n behind transaction 6.
func history(t *testing.T) *world {
	w := newWorld(t)                         // transactions 1 and 2
	w.change("t", nil, row{1, "a"})          // 3
	w.change("t", nil, row{2, "b"})          // 4
	w.change("t", row{1, "a"}, row{1, "a2"}) // 5
	w.change("n", nil, row{7, "x"})          // 6
	w.send(msg{op: "DDL", object: "d", sql: "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20))", identity: "task/0/d0/d.t"})
	w.send(msg{op: "INIT", object: "d.t", after: row{1, "a2"}, identity: "task/0/c1/0", pos: "599@1", partition: 1})
	w.send(msg{op: "INIT", object: "d.t", after: row{2, "b"}, identity: "task/0/c1/1", pos: "599@1", partition: 2})
	w.send(msg{op: "INIT", object: "d.n", after: row{7, "x"}, identity: "task/0/c2/0", pos: "699@1"})
	w.send(msg{op: "HEARTBEAT", identity: "task/0/f/1.1"})

	w.change("t", row{1, "a2"}, row{1, "a3"}) // 7
	w.send(msg{op: "UPDATE", object: "d.t", before: row{1, "a2"}, after: row{1, "a3"}, partition: 1})
	w.change("t", row{1, "a3"}, row{1, nil}) // 8
	w.send(msg{op: "UPDATE", object: "d.t", before: row{1, "a3"}, after: row{1, nil}, partition: 1})
	w.change("t", nil, row{3, "c"}) // 9: a key without INIT
	w.send(msg{op: "INSERT", object: "d.t", after: row{3, "c"}, partition: 1})
	w.change("t", row{2, "b"}, row{4, "b"}) // 10: split over two partitions
	w.send(msg{op: "DELETE", object: "d.t", before: row{2, "b"}, identity: "task/0/s/u:10.0-", partition: 2})
	w.send(msg{op: "INSERT", object: "d.t", after: row{4, "b"}, identity: "task/0/s/u:10.0+"})
	w.change("t", row{3, "c"}, row{5, "c"}) // 11: whole, in one partition
	w.send(msg{op: "UPDATE", object: "d.t", before: row{3, "c"}, after: row{5, "c"}, partition: 1})
	w.change("n", nil, row{7, "x"}) // 12: the same row again
	w.send(msg{op: "INSERT", object: "d.n", after: row{7, "x"}})
	w.change("n", row{7, "x"}, row{8, nil}) // 13
	w.send(msg{op: "UPDATE", object: "d.n", before: row{7, "x"}, after: row{8, nil}})
	w.change("t", row{4, "b"}, nil) // 14
	w.send(msg{op: "DELETE", object: "d.t", before: row{4, "b"}})
	w.ddl("ALTER TABLE t ADD COLUMN z INT NOT NULL DEFAULT 9") // 15
	w.send(msg{op: "DDL", object: "d", sql: "ALTER TABLE t ADD COLUMN z INT NOT NULL DEFAULT 9"})
	w.change("t", row{1, nil, 9}, row{1, "last", 10}) // 16
	w.send(msg{op: "UPDATE", object: "d.t", before: row{1, nil, 9}, after: row{1, "last", 10}, partition: 1, extra: "z"})
	return w
}

func TestCheckFindsNothingInAFaultlessTopic(t *testing.T) {
	t.Parallel()
	w := history(t)
	r := Check(w.l, w.topics(), w.contents(), CheckOptions{DDLFrom: &Position{1, 300}})
	if !r.OK() {
		t.Fatal(r)
	}
	want := Report{Records: 15, Init: 3, Changes: 10, DDL: 2, Fences: 1, Keys: 6, Steps: 15, Identities: 15}
	if !reflect.DeepEqual(*r, want) {
		t.Errorf("counted %+v, want %+v", *r, want)
	}
}

// TestCheckFindsFaults injects one fault at a time; each must be found under its own name.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	const u7, u8, u9, u11, u13, u14, u16 = "task/0/s/u:7.0", "task/0/s/u:8.0", "task/0/s/u:9.0", "task/0/s/u:11.0", "task/0/s/u:13.0", "task/0/s/u:14.0", "task/0/s/u:16.0"
	tests := []struct {
		name  string
		fault func(w *world)
		want  string // fields of the report that must be above zero, and no other
	}{
		{"update lost", func(w *world) { w.drop(u7) }, "Lost"},
		{"insert lost", func(w *world) { w.drop(u9) }, "Lost"},
		{"last update lost", func(w *world) { w.drop(u16) }, "Lost Final"},
		{"delete lost", func(w *world) { w.drop(u14) }, "Lost Final"},
		{"half lost", func(w *world) { w.drop("task/0/s/u:10.0-") }, "Lost Final"},
		{"INIT lost", func(w *world) { w.drop("task/0/c1/0") }, "Lost"},
		{"change of a table without a key lost", func(w *world) { w.drop(u13) }, "Lost Final"},
		{"INIT of a table without a key lost", func(w *world) { w.drop("task/0/c2/0") }, "Lost Final"},
		{"DDL lost", func(w *world) { w.drop("task/0/s/u:15.0") }, "Lost"},
		{"update doubled", func(w *world) { w.repeat(u16, "task/0/s/u:99.0") }, "Doubled"},
		{"identity doubled", func(w *world) { w.find(u9).identity = u7 }, "Doubled"},
		{"half beside the whole", func(w *world) { w.find("task/0/s/u:10.0+").identity = u11 + "+" }, "Doubled"},
		{"second INIT", func(w *world) {
			w.messages = append([]msg{{op: "INIT", object: "d.t", after: row{1, "a2"}, identity: "task/0/c1/7", pos: "599@1", partition: 1}}, w.messages...)
		}, "Doubled"},
		{"INIT doubled in a table without a key", func(w *world) { w.repeat("task/0/c2/0", "task/0/c2/1") }, "Doubled OutOfOrder Final"},
		{"change before its INIT doubled", func(w *world) {
			i := 3
			w.messages = append(w.messages[:i:i], append([]msg{{op: "UPDATE", object: "d.t", before: row{1, "a"}, after: row{1, "a2"}, identity: "task/0/s/u:5.0", pos: "599@1", partition: 1}}, w.messages[i:]...)...)
		}, "Doubled"},
		{"DDL doubled", func(w *world) { w.repeat("task/0/s/u:15.0", "task/0/s/u:99.0") }, "Doubled"},
		{"updates swapped", func(w *world) { w.swap(u7, u8) }, "OutOfOrder"},
		{"INIT behind a change", func(w *world) { w.swap("task/0/c1/0", u7) }, "OutOfOrder"},
		{"wrong after image", func(w *world) { w.find(u7).after = row{1, "zz"} }, "WrongImage"},
		{"wrong before image", func(w *world) { w.find(u8).before = row{1, "zz"} }, "WrongImage"},
		{"NULL as empty text", func(w *world) { w.find(u8).after = row{1, ""} }, "WrongImage"},
		{"old definition after DDL", func(w *world) { w.find(u16).before, w.find(u16).after = row{1, nil}, row{1, "last"} }, "WrongImage Final"},
		{"INIT is no state", func(w *world) { w.find("task/0/c1/0").after = row{1, "zz"} }, "WrongImage"},
		{"INIT is an older state", func(w *world) { w.find("task/0/c1/0").after = row{1, "a"} }, "Lost"},
		{"INIT says another position", func(w *world) { w.find("task/0/c1/0").pos = "799@1" }, "Positions"},
		{"row that never was", func(w *world) { w.find(u9).after = row{77, "c"} }, "Unknown Lost"},
		{"DDL that never was", func(w *world) {
			w.send(msg{op: "DDL", object: "d", sql: "ALTER TABLE t DROP COLUMN v", identity: "x/0/d/1"})
		}, "Unknown"},
		{"key in two partitions", func(w *world) { w.find(u8).partition = 2 }, "Moved OutOfOrder Final"},
		{"half without its sign", func(w *world) { w.find("task/0/s/u:10.0-").identity = "task/0/s/u:10.0" }, "Halves Doubled"},
		{"whole change with a sign", func(w *world) { w.find(u14).identity = u14 + "-" }, "Halves"},
		{"key tag wrong", func(w *world) { w.find(u9).object = "d.x" }, "Unreadable Lost"},
		{"image missing", func(w *world) { w.find(u7).before = nil }, "Unreadable Lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := history(t)
			tt.fault(w)
			r := Check(w.l, w.topics(), w.contents(), CheckOptions{DDLFrom: &Position{1, 300}})
			if got := verdicts(r); got != inOrder(tt.want) {
				t.Errorf("found %q, want %q\n%s", got, tt.want, r)
			}
			if len(r.Examples) == 0 {
				t.Error("no example")
			}
		})
	}
}

var faults = strings.Fields("Lost Doubled OutOfOrder WrongImage Unknown Moved Halves Positions Final Misplaced Unreadable Source")

func verdicts(r *Report) string {
	var out []string
	for _, f := range faults {
		if reflect.ValueOf(*r).FieldByName(f).Int() > 0 {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}

func inOrder(fields string) string {
	var out []string
	for _, f := range faults {
		if strings.Contains(" "+fields+" ", " "+f+" ") {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}

func TestCheckFindsATableThatDiffersFromTheLedger(t *testing.T) {
	t.Parallel()
	w := history(t)
	c := w.contents()
	for k := range c["d.t"].Images {
		c["d.t"].Images[k] = Hash{1}
		break
	}
	if r := Check(w.l, w.topics(), c, CheckOptions{}); verdicts(r) != "Final Source" {
		t.Error(r)
	}
}

func TestCheckOfIncrementalAlone(t *testing.T) {
	t.Parallel()
	from := &Position{1, 699}
	w := history(t)
	for _, id := range []string{"task/0/c1/0", "task/0/c1/1", "task/0/c2/0", "task/0/d0/d.t"} {
		w.drop(id)
	}
	if r := Check(w.l, w.topics(), w.contents(), CheckOptions{From: from}); !r.OK() {
		t.Fatal(r)
	}
	w.drop("task/0/s/u:7.0")
	if r := Check(w.l, w.topics(), w.contents(), CheckOptions{From: from}); verdicts(r) != "Lost" {
		t.Error(r)
	}
	w = history(t)
	if r := Check(w.l, w.topics(), w.contents(), CheckOptions{From: from}); verdicts(r) != "Doubled" {
		t.Error("INIT records of a task without a full copy:", r)
	}
}

func TestCheckUntil(t *testing.T) {
	t.Parallel()
	until := &Position{1, 899}
	w := history(t)
	for _, m := range w.messages[7:] {
		w.drop(m.identity)
	}
	if r := Check(w.l, w.topics(), nil, CheckOptions{Until: until}); !r.OK() {
		t.Fatal(r)
	}
	if r := Check(w.l, w.topics(), nil, CheckOptions{}); verdicts(r) != "Lost Final" {
		t.Error("a task that ended too early:", r)
	}
	w.find("task/0/s/u:9.0").partition = 1
	if r := Check(w.l, w.topics(), nil, CheckOptions{Until: until}); verdicts(r) == "" {
		t.Error("a record behind the end was not found")
	}
}

func TestLastInit(t *testing.T) {
	t.Parallel()
	if got := history(t).topics().LastInit(); got != (Position{1, 699}) {
		t.Errorf("got %s", got)
	}
}

func TestCheckPlacesDDL(t *testing.T) {
	t.Parallel()
	w := history(t)
	for i := range w.messages {
		w.messages[i].partition = 0
	}
	if r := Check(w.l, w.topics(), w.contents(), CheckOptions{OnePartition: true}); !r.OK() {
		t.Fatal(r)
	}
	w.swap("task/0/s/u:14.0", "task/0/s/u:15.0")
	if r := Check(w.l, w.topics(), w.contents(), CheckOptions{OnePartition: true}); verdicts(r) != "Misplaced" {
		t.Error("a statement before an earlier row:", r)
	}
}

func TestTruncateAndRenameEndSequences(t *testing.T) {
	t.Parallel()
	w := history(t)
	w.ddl("TRUNCATE TABLE t") // 17
	w.send(msg{op: "DDL", object: "d", sql: "TRUNCATE  TABLE t"})
	w.change("t", nil, row{1, "again", 1}) // 18
	w.send(msg{op: "INSERT", object: "d.t", after: row{1, "again", 1}, partition: 1, extra: "z"})
	w.ddl("RENAME TABLE t TO away") // 19
	w.send(msg{op: "DDL", object: "d", sql: "RENAME TABLE t TO away"})
	if r := Check(w.l, w.topics(), w.contents(), CheckOptions{DDLFrom: &Position{1, 300}}); !r.OK() {
		t.Fatal(r)
	}
	w.drop("task/0/s/u:18.0")
	if r := Check(w.l, w.topics(), w.contents(), CheckOptions{}); verdicts(r) != "Lost" {
		t.Error(r)
	}
}
