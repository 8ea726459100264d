package values

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
)

var (
	randomRows = flag.Int("values.rows", 300, "rows by chance for each server")
	randomSeed = flag.Uint64("values.seed", 1, "of the values by chance")
	randomOf   = flag.String("values.servers", "mysql-8.0.33,mysql-9.7,mariadb-10.11", "servers that take values by chance, with commas")
	randomOut  = flag.String("values.out", "", "folder for the results as JSON")
)

const (
	mark   = "touched" // the one column that updates change
	copied = 1_000_000 // is added to the ids of rows that are inserted later
)

// tally is what one server's run compared, by declared type.
type tally struct {
	Server, Version, Metadata, Command string
	Rows                               int
	Types                              map[string]*typeTally
}

// typeTally counts rows and their images: each of a row's five must be the same, and as the server prints it.
type typeTally struct{ Rows, Images int }

// TestRandomValues sends values by chance on all ways: each row through the full copy, and through INSERT, UPDATE and
// DELETE. Its five images must be equal in every part, and three readers see in them what the server prints.
func TestRandomValues(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	for _, name := range strings.Split(*randomOf, ",") {
		t.Run(name, func(t *testing.T) {
			kind := servers.Kind(name)
			metadata := []string{"FULL", "MINIMAL"}[(*randomSeed+uint64(len(name)))%2]
			m := servers.StartMySQL(t, kind, "binlog_row_metadata="+metadata, "default_time_zone=+05:30", "max_allowed_packet=64M")
			h := fnv.New64()
			h.Write([]byte(name))
			w := &world{T: t, m: m, tables: map[string][]column{}, printed: map[string][]map[int]image{}}
			topic := "random-" + strings.ReplaceAll(name, ".", "-")
			n := w.fill(rand.New(rand.NewPCG(*randomSeed, h.Sum64())))
			w.send(bin, k, topic)
			result := w.tally(consume(t, k, topic))
			result.Server, result.Metadata, result.Rows = name, metadata, n
			result.Version = w.text("SELECT VERSION()")
			result.Command = fmt.Sprintf("go test ./engine/enginetest/values -run TestRandomValues -values.servers=%s -values.seed=%d -values.rows=%d", name, *randomSeed, *randomRows)
			t.Logf("%s: %d rows", result.Version, n)
			result.keep(t)
		})
	}
}

// fill makes the tables and their rows, and gives the number of rows.
func (w *world) fill(r *rand.Rand) (n int) {
	for _, c := range columns(w.m.Kind) {
		w.tables[c.table] = append(w.tables[c.table], c)
	}
	w.m.Exec(w, "CREATE DATABASE vals CHARACTER SET utf8mb4")
	w.c = w.m.Conn(w, "vals")
	w.exec("SET sql_mode='', time_zone='+00:00'")
	each := (*randomRows + len(w.tables) - 1) / len(w.tables)
	for _, table := range slices.Sorted(maps.Keys(w.tables)) {
		w.tables[table] = append(w.tables[table], column{table, mark, "INT NOT NULL DEFAULT 0", number, []string{"DEFAULT"}})
		defs := []string{"id INT PRIMARY KEY"}
		for _, c := range w.tables[table] {
			defs = append(defs, c.name+" "+c.declared)
		}
		w.exec("CREATE TABLE " + table + " (" + strings.Join(defs, ", ") + ")")
		for id := range each {
			values := []string{strconv.Itoa(id)}
			for i := range w.tables[table] {
				values = append(values, w.tables[table][i].draw(r))
			}
			w.exec("INSERT INTO " + table + " VALUES (" + strings.Join(values, ", ") + ")")
		}
		w.look(table)
		n += each
	}
	return n
}

// send copies the rows, then has each come again as INSERT, UPDATE and DELETE.
func (w *world) send(bin string, k *servers.Kafka, topic string) {
	x := driver.New(w, bin, driver.Spec{Source: w.m, Kafka: k, Schema: "vals", Tables: slices.Sorted(maps.Keys(w.tables)), Topic: topic, Partitions: 1, Policy: "zero"})
	if o, err := x.RunUntil(w.Context(), "incremental"); err != nil || o.Code == 1 {
		w.Fatalf("%v %+v", err, o)
	}
	for table, cs := range w.tables {
		names := []string{}
		for _, c := range cs {
			if c.literals[0] != "DEFAULT" {
				names = append(names, c.name)
			}
		}
		list := strings.Join(names, ", ")
		w.exec(fmt.Sprintf("INSERT INTO %s (id, %s) SELECT id + %d, %s FROM %s", table, list, copied, list, table))
		w.look(table)
		w.exec(fmt.Sprintf("UPDATE %s SET %s = 1 WHERE id >= %d", table, mark, copied))
		w.look(table)
		w.exec(fmt.Sprintf("DELETE FROM %s WHERE id >= %d", table, copied))
	}
	if o, err := x.Run(context.WithoutCancel(w.Context()), "", nil, "--until", "caught-up"); err != nil || o.Code != 0 {
		w.Fatalf("%v %+v", err, o)
	}
}

// tally judges every image.
func (w *world) tally(messages [][]byte) *tally {
	type row struct {
		table string
		id    int
	}
	first, images := map[row]map[string]*readers.Value{}, map[row]int{}
	out := &tally{Types: map[string]*typeTally{}}
	for _, r := range readers.Agree(w, messages) {
		versions := w.printed[r.Table]
		see := func(side string, got map[string]*readers.Value, printed map[int]image) {
			w.compare(r, side, got, printed, true)
			id, _ := strconv.Atoi(part(got["id"], "value"))
			this := row{r.Table, id % copied}
			images[this]++
			if first[this] == nil {
				first[this] = got
			}
			for _, c := range w.tables[r.Table] {
				if c.name == mark {
					continue
				}
				n := out.Types[c.declared]
				if n == nil {
					n = &typeTally{}
					out.Types[c.declared] = n
				}
				n.Images++
				if images[this] == 1 {
					n.Rows++
				}
				if !reflect.DeepEqual(first[this][c.name], got[c.name]) {
					w.Errorf("%s.%s (%s) id %d, %s of %s: %+v, and first %+v", r.Table, c.name, c.declared, id, side, r.Operation, got[c.name], first[this][c.name])
				}
			}
		}
		switch r.Operation {
		case "INIT":
			see("after", r.After, versions[0])
		case "INSERT":
			see("after", r.After, versions[1])
		case "UPDATE":
			see("before", r.Before, versions[1])
			see("after", r.After, versions[2])
		case "DELETE":
			see("before", r.Before, versions[2])
		}
	}
	for table, versions := range w.printed {
		for id := range versions[0] {
			if n := images[row{table, id}]; n != 5 {
				w.Errorf("row %d of %s came in %d images, not 5", id, table, n)
			}
		}
	}
	return out
}

func (w *world) text(sql string) string {
	r, err := w.c.Execute(sql)
	if err != nil {
		w.Fatal(err)
	}
	s, _ := r.GetString(0, 0)
	return s
}

// keep writes the result where it was asked to: none of a run that failed.
func (out *tally) keep(t *testing.T) {
	if *randomOut == "" || t.Failed() {
		return
	}
	text, err := json.MarshalIndent(out, "", "\t")
	if err == nil {
		err = os.WriteFile(filepath.Join(*randomOut, out.Server+".json"), append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
