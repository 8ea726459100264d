package matrix

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
)

// refused wants the precheck to fail with the finding, or with the error that it names, and the task with the code.
func refused(ctx context.Context, t *testing.T, x *driver.Task, finding, code string) {
	t.Helper()
	failed, err := x.Precheck(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(failed, func(f driver.Finding) bool {
		return f.Severity == "error" && (f.Code == finding || f.Params["Code"] == finding) && f.Fix != ""
	}) {
		t.Errorf("the precheck does not refuse with %s: %+v", finding, failed)
	}
	end, err := x.Run(ctx, "", time.After(patience))
	if err != nil || end.Killed || end.Last.Error == nil || end.Last.Error.Code != code || !strings.Contains(end.Stderr, "hint: ") {
		t.Errorf("the task does not end with %s: %v, code %d, %+v\n%s", code, err, end.Code, end.Last.Error, end.Stderr)
	}
}

// TestRefusedVersion: MySQL 5.6 starts here, and is told to be too old.
func TestRefusedVersion(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	m := servers.StartMySQL(t, servers.MySQL56)
	m.Exec(t, "CREATE DATABASE work", "CREATE TABLE work.t (id INT PRIMARY KEY)")
	x := driver.New(t, driver.Binary(t), driver.Spec{Source: m, Kafka: servers.SharedKafka(t), Schema: "work", Tables: []string{"t"}, Topic: "old", Partitions: 1, Policy: "key"})
	refused(t.Context(), t, x, "version.unsupported", "source.version")
}

// TestRefusedSettings sets what can't be read, for the whole server and then in a session while a task runs.
func TestRefusedSettings(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	bin := driver.Binary(t)
	for _, kind := range sources {
		t.Run(string(kind), func(t *testing.T) {
			m, k := servers.SharedMySQL(t, kind), servers.SharedKafka(t)
			m.Exec(t, "DROP DATABASE IF EXISTS work", "CREATE DATABASE work", "CREATE TABLE work.t (id INT PRIMARY KEY, v INT, b BLOB)", "INSERT INTO work.t VALUES (1, 1, 'x'), (2, 2, 'y')")
			task := func(name string) *driver.Task {
				topic := strings.NewReplacer(".", "-", "=", "-").Replace(string(kind) + "-" + name)
				return driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: []string{"t"}, Topic: topic, Partitions: 1, Policy: "key"})
			}
			images := []string{"MINIMAL", "NOBLOB"}
			if kind == servers.MariaDB114 || kind == servers.MariaDB118 {
				images = append(images, "FULL_NODUP")
			}
			type change struct{ set, back, finding, code, running string }
			var changes []change
			for _, image := range images {
				changes = append(changes, change{"binlog_row_image=" + image, "binlog_row_image=FULL", "variable.binlog_row_image", "source.binlog_row_image", "source.partial_rows"})
			}
			for _, format := range []string{"STATEMENT", "MIXED"} {
				changes = append(changes, change{"binlog_format=" + format, "binlog_format=ROW", "variable.binlog_format", "source.binlog_format", "source.statement"})
			}
			for _, c := range changes {
				m.Exec(t, "SET GLOBAL "+c.set)
				refused(t.Context(), t, task(c.set), c.finding, c.code)
				m.Exec(t, "SET GLOBAL "+c.back)
				p := following(t.Context(), t, task(c.set+"-session"))
				m.Exec(t, "SET SESSION "+c.set, "UPDATE work.t SET v=v+1 WHERE id=1")
				select {
				case <-p.Done():
				case <-time.After(patience):
					t.Fatalf("the task goes on with %s", c.set)
				}
				if o := p.Outcome(); o.Last.Error == nil || o.Last.Error.Code != c.running || !strings.Contains(o.Stderr, "hint: ") {
					t.Errorf("%s: %+v\n%s", c.set, o.Last.Error, o.Stderr)
				}
			}
		})
	}
}
