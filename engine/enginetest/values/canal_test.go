package values

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
)

// flat is a message of Canal JSON as encoding/json reads it.
type flat struct {
	Sluice          struct{ Op string }
	Database, Table string
	Type            string
	Data, Old       []map[string]*string
	MySQLType       map[string]string
	SQLType         map[string]int
	PKNames         []string
}

// TestCanalValues is TestValues in the other format.
func TestCanalValues(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) {
			topic := "values-canal-" + strings.ReplaceAll(string(kind), ".", "-")
			w := newWorld(t, servers.StartMySQL(t, kind, "default_time_zone=+05:30"))
			w.migrate(bin, k, topic, "format: canal-json")
			w.judgeFlat(consume(t, k, topic))
		})
	}
}

func (w *world) judgeFlat(messages [][]byte) {
	ops, values := map[string]int{}, 0
	for _, text := range messages {
		var m flat
		if err := json.Unmarshal(text, &m); err != nil {
			w.Fatalf("%v: %q", err, text)
		}
		op := m.Sluice.Op
		if op == "HEARTBEAT" || op == "DDL" {
			continue
		}
		ops[op]++
		if want := strings.Replace(op, "INIT", "INSERT", 1); m.Type != want || len(m.Data) != 1 || (len(m.Old) == 1) != (op == "UPDATE") ||
			m.Database != "vals" || len(m.PKNames) != 1 || m.PKNames[0] != "id" || len(m.SQLType) != len(m.Data[0]) {
			w.Errorf("%s: %.500s", op, text)
			continue
		}
		versions := w.printed[m.Table]
		switch op {
		case "INIT":
			values += w.compareFlat(&m, m.Data[0], versions[0])
		case "INSERT":
			values += w.compareFlat(&m, m.Data[0], versions[1])
		case "DELETE":
			values += w.compareFlat(&m, m.Data[0], versions[2])
		case "UPDATE":
			values += w.compareFlat(&m, m.Data[0], versions[2])
			before := maps.Clone(m.Data[0])
			for name, v := range m.Old[0] {
				if now := before[name]; (now == nil) == (v == nil) && (v == nil || *now == *v) {
					w.Errorf("%s.%s did not change, but is in old", m.Table, name)
				}
				before[name] = v
			}
			values += w.compareFlat(&m, before, versions[1])
		}
	}
	rows := before * len(w.tables)
	if ops["INIT"] != rows || ops["INSERT"] != rows || ops["UPDATE"] != w.changed() || ops["DELETE"] == 0 {
		w.Errorf("messages %v of %d rows, %d of which were changed", ops, rows, w.changed())
	}
	if values < 4900 {
		w.Errorf("only %d values were compared", values)
	}
	w.Logf("%d messages, %d values as the server prints them; %v", len(messages), values, ops)
}

func (w *world) compareFlat(m *flat, got map[string]*string, rows map[int]image) (n int) {
	id, err := strconv.Atoi(*got["id"])
	want, ok := rows[id]
	if err != nil || !ok || len(got) != len(w.tables[m.Table])+1 {
		w.Errorf("%s of %s: id %d with %d columns", m.Sluice.Op, m.Table, id, len(got))
		return 0
	}
	for _, c := range w.tables[m.Table] {
		v := got[c.name]
		printed, there := want[c.name]
		if (v != nil) != there {
			w.Errorf("%s of %s.%s (%s) id %d: got %v, the server prints %q", m.Sluice.Op, m.Table, c.name, c.declared, id, v, printed)
		} else if there && !sameFlat(c.form, *v, printed) {
			w.Errorf("%s of %s.%s (%s) id %d: got %.200q, the server prints %.200q", m.Sluice.Op, m.Table, c.name, c.declared, id, *v, printed)
		}
		n++
	}
	return n
}

// sameFlat holds the text against what the server prints for the form.
func sameFlat(f *form, got, printed string) bool {
	v := &readers.Value{Text: got, Parts: map[string]any{"value": got}}
	switch f {
	case wall, clock:
		return got == printed
	case instant:
		return instantOf(got) == printed
	case bytesAs:
		v.Parts["value"] = hex.EncodeToString(latin1(got))
	case spatial, spatialMaria:
		b := latin1(got)
		if len(b) < 4 {
			return false
		}
		v.Parts["srid"], v.Parts["value"] = strconv.Itoa(int(binary.LittleEndian.Uint32(b))), hex.EncodeToString(b[4:])
	}
	_, same := f.Equal(v, printed)
	return same
}

// instantOf gives the seconds since 1970 of a time in UTC, with as many digits after the point.
func instantOf(text string) string {
	_, fraction, has := strings.Cut(text, ".")
	seconds := int64(0)
	if !strings.HasPrefix(text, "0000-00-00 00:00:00") {
		at, err := time.Parse("2006-01-02 15:04:05", text)
		if err != nil {
			return err.Error()
		}
		seconds = at.Unix()
	}
	if has {
		return fmt.Sprintf("%d.%s", seconds, fraction)
	}
	return strconv.FormatInt(seconds, 10)
}

// latin1 gives the bytes that travel as the characters of their numbers; nil if there are others.
func latin1(text string) []byte {
	out := []byte{}
	for _, r := range text {
		if r > 0xff {
			return nil
		}
		out = append(out, byte(r))
	}
	return out
}
