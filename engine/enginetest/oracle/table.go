package oracle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Contents is what the tables hold, by table.
type Contents map[string]*Rows

// Rows is the content of one table: each row's image by its key, or the sum of the images where there is no key.
type Rows struct {
	Count  int
	Images map[Hash]Hash
	Sum    Hash

	keyless bool
}

// ReadTables reads the ledger's selected tables as they are now. client gives the mysql or mariadb program, signed in
// as a user that may read everything, with the given further arguments.
func ReadTables(l *Ledger, client func(args ...string) *exec.Cmd) (Contents, error) {
	out := Contents{}
	for _, name := range l.Selected() {
		rows, err := readTable(l.tables[name].def, client)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		out[l.tables[name].def.object] = rows
	}
	return out, nil
}

// query is the SELECT whose every value prints on one line and is NULL only where the value is.
func (d *definition) query() string {
	var list []string
	for i := range d.columns {
		list = append(list, d.columns[i].expression())
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM `" + strings.ReplaceAll(d.name, ".", "`.`") + "`"
}

func readTable(d *definition, client func(args ...string) *exec.Cmd) (*Rows, error) {
	cmd := client("--batch", "--raw", "--skip-column-names", "--quick", "--default-character-set=utf8mb4",
		"-e", "SET time_zone='+00:00', sql_mode=''; SET NAMES utf8mb4; "+d.query())
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	rows, err := d.scan(pipe)
	if err != nil {
		cmd.Process.Kill()
	}
	if end := cmd.Wait(); err == nil && end != nil {
		err = fmt.Errorf("%w: %s", end, bytes.TrimSpace(complaint.Bytes()))
	}
	return rows, err
}

// scan reads the client's lines.
func (d *definition) scan(r io.Reader) (*Rows, error) {
	out := &Rows{Images: map[Hash]Hash{}, keyless: len(d.key) == 0}
	s := &scanner{in: bufio.NewReaderSize(r, 1<<20)}
	row := make([]cell, len(d.columns))
	var buf []byte
	for {
		line, err := s.line()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range d.columns {
			raw, rest, more := bytes.Cut(line, []byte("\t"))
			if more != (i < len(d.columns)-1) {
				return nil, fmt.Errorf("a line with another number of columns than %d", len(d.columns))
			}
			if row[i], err = d.columns[i].selected(raw); err != nil {
				return nil, fmt.Errorf("column %s: %w", d.columns[i].name, err)
			}
			line = rest
		}
		out.Count++
		buf = d.rowText(buf[:0], row)
		image := sum(buf)
		if out.keyless {
			out.Sum = out.Sum.plus(image)
			continue
		}
		out.Images[sum(d.keyText(row))] = image
	}
}

// Differences compares the state that the ledger ends in with the tables, at most limit lines. None proves that the
// ledger and the table reader are right about the source.
func (l *Ledger) Differences(tables Contents, limit int) (out []string) {
	add := func(format string, args ...any) {
		if len(out) < limit {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	for _, name := range l.Selected() {
		t := l.tables[name]
		rows := tables[t.def.object]
		if rows == nil {
			add("table %s was not read", name)
			continue
		}
		if rows.Count != t.live {
			add("table %s has %d rows, the ledger ends with %d", name, rows.Count, t.live)
		}
		for _, n := range t.keys {
			k := &l.keys[n]
			found := rows.Images[sum(k.text)]
			if rows.keyless {
				found = rows.Sum
			}
			if found != k.state {
				add("%s: the table holds %s, the ledger ends with %s", readableKey(k.text), l.text(found), l.text(k.state))
			}
		}
	}
	return out
}

// text prints an image for an example.
func (l *Ledger) text(h Hash) string {
	if h.isZero() {
		return "no row"
	}
	if t, ok := l.texts[h]; ok {
		return "{" + readable([]byte(t)) + "}"
	}
	return fmt.Sprintf("row %x", h[:4])
}
