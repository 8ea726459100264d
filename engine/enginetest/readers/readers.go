// Package readers reads DTS records with three programs that share no code with
// Sluice: Alibaba's own SDK, fastavro and Avro's generic reader in Java.
package readers

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"sluice/engine/enginetest/servers"
)

// Record is what a reader sees in one message.
type Record struct {
	Version            int
	ID                 int64
	SourceTimestamp    int64
	BornTimestamp      int64 // fastavro only; the SDK does not know it
	SourcePosition     string
	SafeSourcePosition string
	SourceTxid         string
	Source             string // like "MySQL 8.0.36"
	Operation          string
	ObjectName         string // "" when null
	Database           string
	Table              string
	Tags               map[string]string
	Fields             []Field
	Before             map[string]*Value // nil when absent; a nil value is NULL
	After              map[string]*Value // of a DDL: its statement, under "ddl"

	Error string // set when the reader could not read the message
}

// Field is one column.
type Field struct {
	Name    string
	Type    int
	Primary bool
	Unique  bool
}

// Value is one column's value.
type Value struct {
	Kind   string         // the SDK's name, like INTEGER_NUMERIC
	Text   string         // the SDK's toString()
	Branch string         // the Avro record, like Integer
	Parts  map[string]any // the Avro record's fields; bytes as lower-case hex
}

// Official reads values with dts-new-subscribe-sdk 2.0.0, in time zone UTC.
func Official(t testing.TB, values [][]byte) []Record {
	t.Helper()
	return run(t, values, java(t, ".ci/readers/DtsRead.java"))
}

func python(t testing.TB) string {
	return filepath.Join(fetched(t, "python-readers"), "venv/bin/python")
}

// Generic reads the images of values with Avro's generic reader: branches and parts alone.
func Generic(t testing.TB, values [][]byte) []Record {
	t.Helper()
	return run(t, values, java(t, ".ci/readers/AvroRead.java", filepath.Join(root(t), "engine/dts/record.avsc")))
}

// java runs a program of the repository with the SDK's libraries.
func java(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	java := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin/java")
	}
	return exec.Command(java, append([]string{
		"-cp", filepath.Join(fetched(t, "dts-sdk-2.0.0"), "lib", "*"), "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC",
		// The SDK's DateTime reads a class that newer JVMs hide.
		"--add-exports", "java.base/sun.util.calendar=ALL-UNNAMED",
		filepath.Join(root(t), program)}, args...)...)
}

// Fastavro reads values with fastavro and the single-record schema.
func Fastavro(t testing.TB, values [][]byte) []Record {
	t.Helper()
	return run(t, values, exec.Command(python(t),
		filepath.Join(root(t), ".ci/readers/dts_read.py"), filepath.Join(root(t), "engine/dts/record.avsc")))
}

// Agree fails the test where the readers see different things, and
// returns what the official one reads.
func Agree(t testing.TB, values [][]byte) []Record {
	t.Helper()
	official, fastavro, generic := Official(t, values), Fastavro(t, values), Generic(t, values)
	for i := range official {
		if d := diff(official[i], fastavro[i]); d != "" {
			t.Errorf("message %d: the readers differ: %s", i, d)
		}
		for side, pair := range map[string][2]map[string]*Value{"before": {fastavro[i].Before, generic[i].Before}, "after": {fastavro[i].After, generic[i].After}} {
			if !maps.EqualFunc(pair[0], pair[1], alike) || (pair[0] == nil) != (pair[1] == nil) {
				t.Errorf("message %d: %s: fastavro reads %+v, Avro's generic reader %+v", i, side, pair[0], pair[1])
			}
		}
	}
	return official
}

// alike compares what stands in the Avro record.
func alike(a, b *Value) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Branch == b.Branch && reflect.DeepEqual(a.Parts, b.Parts)
}

func diff(a, b Record) string {
	for _, side := range []struct {
		name string
		a, b map[string]*Value
	}{{"before", a.Before, b.Before}, {"after", a.After, b.After}} {
		if len(side.a) != len(side.b) || (side.a == nil) != (side.b == nil) {
			return fmt.Sprintf("%s: %d and %d values", side.name, len(side.a), len(side.b))
		}
		for column, v := range side.a {
			if w := side.b[column]; !same(v, w) {
				return fmt.Sprintf("%s %s: %+v and %+v", side.name, column, v, w)
			}
		}
	}
	a.Before, a.After, b.Before, b.After = nil, nil, nil, nil
	a.BornTimestamp, b.BornTimestamp = 0, 0
	if !reflect.DeepEqual(a, b) {
		return fmt.Sprintf("%+v\nand %+v", a, b)
	}
	return ""
}

func same(a, b *Value) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Branch != b.Branch || !reflect.DeepEqual(a.Parts, b.Parts) {
		return false
	}
	switch a.Kind {
	case "WKB_GEOMETRY": // WKT in the SDK, hex in fastavro; the parts hold the bytes
		return true
	case "FLOAT_NUMERIC", "DECIMAL_NUMERIC": // 1.0E20 or 1e+20; 1E-8 or 0.00000001
		x, err1 := strconv.ParseFloat(a.Text, 64)
		y, err2 := strconv.ParseFloat(b.Text, 64)
		return err1 == nil && err2 == nil && x == y
	}
	return a.Text == b.Text
}

func fetched(t testing.TB, part string) string {
	t.Helper()
	dir, err := servers.Fetched(part)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t testing.TB, values [][]byte, cmd *exec.Cmd) []Record {
	t.Helper()
	var in, out, log bytes.Buffer
	for _, v := range values {
		in.WriteString(hex.EncodeToString(v) + "\n")
	}
	// The SDK leaves a log file in the working folder.
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = t.TempDir(), &in, &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, log.Bytes())
	}
	var records []Record
	for dec := json.NewDecoder(&out); dec.More(); {
		var r Record
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Error != "" {
			t.Errorf("%s cannot read message %d: %s\n%x\n%.3000s", filepath.Base(cmd.Path), len(records), r.Error, values[len(records)], log.Bytes())
		}
		records = append(records, r)
	}
	if len(records) != len(values) {
		t.Fatalf("%s read %d of %d messages\n%s", filepath.Base(cmd.Path), len(records), len(values), log.Bytes())
	}
	return records
}

// root is the repository's folder.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working folder")
		}
		dir = up
	}
}
