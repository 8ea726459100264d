package definitions

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"golang.org/x/text/encoding/simplifiedchinese"

	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
)

// wanted is one message that must arrive, made of what the server logged and printed at that time.
type wanted struct {
	step, op      string
	pos, safe     string // as records write them: offset@file
	table         string // whose place it goes to
	database      string
	sql           string // of a DDL
	columns       []shape
	before, after image
}

// image is a row as the server prints it: column to text, absent is NULL.
type image map[string]string

// shape is a column as information_schema describes it.
type shape struct {
	name, kind, declared    string
	primary, generated, own bool // own: the server gives its values
	length                  int
	form                    *readers.Form
}

// live is a server on which statements are run, and what must come of them.
type live struct {
	*testing.T
	m        *servers.MySQL
	c        *client.Conn    // looks and changes rows
	session  *client.Conn    // runs the statements
	selected map[string]bool // "table", or "database.table" of another than the first
	wanted   []wanted
	file     string
	offset   string // where the log was read up to
	made     int    // rows inserted
	step     string
	gbk      bool // the session's texts are in that charset
}

const database = "ddl"

func newLive(t *testing.T, m *servers.MySQL, names []string) *live {
	w := &live{T: t, m: m, c: m.Conn(t, ""), session: m.Conn(t, ""), selected: map[string]bool{}}
	for _, name := range names {
		w.selected[name] = true
	}
	for _, c := range []*client.Conn{w.c, w.session} {
		settings := "SET NAMES utf8mb4, time_zone='+00:00', foreign_key_checks=0, sql_mode=''" // values are cut to what a narrower column holds
		if m.Kind == servers.MariaDB1011 {
			settings += ", check_constraint_checks=0"
		}
		if _, err := c.Execute(settings); err != nil {
			t.Fatal(err)
		}
	}
	w.exec("CREATE DATABASE " + database + " CHARACTER SET utf8mb4")
	w.exec("CREATE DATABASE other CHARACTER SET latin1")
	if err := w.session.UseDB(database); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		w.exec("CREATE TABLE " + quoteID(name) + " (id INT PRIMARY KEY)")
	}
	w.exec("FLUSH BINARY LOGS") // what made these tables is not in the log that is left
	w.log()
	w.exec("PURGE BINARY LOGS TO '" + w.file + "'")
	return w
}

// quoteID quotes a table, which may be of another database.
func quoteID(name string) string {
	if table, ok := strings.CutPrefix(name, "other."); ok {
		return "other.`" + table + "`"
	}
	return database + ".`" + strings.ReplaceAll(name, "`", "``") + "`"
}

func (w *live) exec(sql string) {
	w.Helper()
	if _, err := w.c.Execute(sql); err != nil {
		w.Fatalf("step %q: %v: %.500s", w.step, err, sql)
	}
}

func (w *live) ask(sql string) [][]*string {
	w.Helper()
	r, err := w.c.Execute(sql)
	if err != nil {
		w.Fatalf("step %q: %v: %.500s", w.step, err, sql)
	}
	rows := make([][]*string, r.RowNumber())
	for i := range rows {
		for j := range r.ColumnNumber() {
			if null, _ := r.IsNull(i, j); null {
				rows[i] = append(rows[i], nil)
				continue
			}
			s, err := r.GetString(i, j)
			if err != nil {
				w.Fatal(err)
			}
			rows[i] = append(rows[i], &s)
		}
	}
	return rows
}

// logged is one event of the log: its kind, where it begins and ends, and what SHOW BINLOG EVENTS says of it.
type logged struct{ kind, start, end, info string }

// log gives what was logged since the last call.
func (w *live) log() (out []logged) {
	w.Helper()
	if w.file == "" {
		status := "SHOW MASTER STATUS"
		if w.m.Kind == servers.MySQL97 {
			status = "SHOW BINARY LOG STATUS"
		}
		row := w.ask(status)[0]
		w.file, w.offset = *row[0], *row[1]
	}
	for _, row := range w.ask("SHOW BINLOG EVENTS IN '" + w.file + "' FROM " + w.offset) {
		out = append(out, logged{kind: *row[2], start: *row[1], end: *row[4], info: *row[5]})
		w.offset = *row[4]
	}
	return out
}

// at writes a position as records do.
func (w *live) at(offset string) string {
	n, err := strconv.Atoi(w.file[strings.LastIndexByte(w.file, '.')+1:])
	if err != nil {
		w.Fatal(err)
	}
	return offset + "@" + strconv.Itoa(n)
}

var (
	useDatabase = regexp.MustCompile("^(?:use `(?:[^`]|``)*`; )?(?:set (?:@@session\\.)?[a-z_]+=[^;]*; )?")
	transaction = regexp.MustCompile(` /\* xid=\d+ \*/$`)
)

// statement is what a query event logged, without what SHOW BINLOG EVENTS adds.
func statement(info string) string {
	return transaction.ReplaceAllString(useDatabase.ReplaceAllString(info, ""), "")
}

// run runs one line of the tables of statements: whose place its record has, and the statement.
func (w *live) run(line string) {
	w.Helper()
	table, sql, ok := strings.Cut(line, "| ")
	if table = strings.TrimSpace(table); !ok || table != "" && !w.selected[table] {
		w.Fatalf("line %q", line)
	}
	w.step = line
	w.log()
	sent := sql
	if w.gbk {
		sent, _ = simplifiedchinese.GBK.NewEncoder().String(sql)
	}
	if strings.HasPrefix(sql, "SET NAMES") {
		w.gbk = strings.HasSuffix(sql, "gbk")
	}
	if _, err := w.session.Execute(sent); err != nil {
		w.Errorf("%s: %v", line, err)
		return
	}
	row := 0
	for _, e := range w.log() {
		switch text := statement(e.info); {
		case e.kind != "Query" || text == "BEGIN" || strings.HasPrefix(text, "COMMIT") || table == "":
			if table != "" && strings.HasPrefix(e.kind, "Write_rows") { // of CREATE TABLE ... SELECT
				columns := w.columns(table)
				rows := w.look(table, columns)
				w.wanted = append(w.wanted, wanted{step: line, op: "INSERT", pos: w.at(e.end), table: table, columns: columns, after: rows[row]})
				row++
			}
		default:
			if w.gbk {
				text = sql
				if strings.HasPrefix(sql, "DROP") {
					text = "DROP TABLE `表一` /* generated by server */"
				}
			}
			w.wanted = append(w.wanted, wanted{step: line, op: "DDL", pos: w.at(e.end), safe: w.at(e.end), table: table, database: home(table), sql: text})
		}
	}
	for _, table := range w.tables() {
		w.change(table)
	}
}

func home(table string) string {
	if strings.HasPrefix(table, "other.") {
		return "other"
	}
	return database
}

// tables are the selected ones that are there.
func (w *live) tables() (out []string) {
	for _, row := range w.ask("SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('ddl','other') AND table_type IN ('BASE TABLE','SYSTEM VERSIONED')") {
		name := *row[1]
		if *row[0] == "other" {
			name = "other." + name
		}
		if w.selected[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// look gives the table's rows as they are now.
func (w *live) look(table string, columns []shape) (rows []image) {
	w.Helper()
	var exprs []string
	for _, c := range columns {
		exprs = append(exprs, c.form.Expr("`"+strings.ReplaceAll(c.name, "`", "``")+"`"))
	}
	for _, row := range w.ask("SELECT " + strings.Join(exprs, ", ") + " FROM " + quoteID(table)) {
		im := image{}
		for i, c := range columns {
			if row[i] != nil {
				im[c.name] = *row[i]
			}
		}
		rows = append(rows, im)
	}
	return rows
}

func (w *live) columns(table string) (out []shape) {
	w.Helper()
	schema, name := home(table), strings.TrimPrefix(table, "other.")
	var key []string
	for _, row := range w.ask("SHOW KEYS FROM " + quoteID(table) + " WHERE Key_name='PRIMARY'") {
		key = append(key, *row[4])
	}
	for _, row := range w.ask("SELECT column_name, data_type, column_type, extra, character_maximum_length FROM information_schema.columns" +
		" WHERE table_schema='" + schema + "' AND table_name='" + strings.ReplaceAll(name, "'", "''") + "' ORDER BY ordinal_position") {
		extra := strings.ToUpper(*row[3])
		c := shape{name: *row[0], kind: strings.ToLower(*row[1]), declared: *row[2], primary: slices.Contains(key, *row[0]), form: forms[strings.ToLower(*row[1])],
			generated: strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED") || strings.Contains(extra, "PERSISTENT"),
			own:       strings.Contains(extra, "AUTO_INCREMENT")}
		if row[4] != nil {
			c.length, _ = strconv.Atoi(*row[4])
		}
		if c.form == nil {
			w.Fatalf("step %q: column %s of type %s", w.step, c.name, c.kind)
		}
		out = append(out, c)
	}
	return out
}

// change inserts a row, updates one and, from the fourth on, deletes one.
func (w *live) change(table string) {
	w.Helper()
	w.log()
	columns := w.columns(table)
	rows := w.look(table, columns)
	var changes []wanted
	did := func(op string) {
		now := w.look(table, columns)
		gone, come := minus(rows, now), minus(now, rows)
		rows = now
		for i := range max(len(gone), len(come)) {
			c := wanted{step: w.step, op: op, table: table, columns: columns}
			if i < len(gone) {
				c.before = gone[i]
			}
			if i < len(come) {
				c.after = come[i]
			}
			changes = append(changes, c)
		}
	}
	w.made += 2
	var names, values, sets []string
	for _, c := range columns {
		if c.generated || c.own {
			continue
		}
		name := "`" + strings.ReplaceAll(c.name, "`", "``") + "`"
		names, values = append(names, name), append(values, c.literal(w.made))
		if !c.primary {
			sets = append(sets, name+"="+c.literal(w.made+1))
		}
	}
	id := quoteID(table)
	w.exec("INSERT INTO " + id + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")")
	did("INSERT")
	if len(sets) > 0 {
		w.exec("UPDATE " + id + " SET " + strings.Join(sets, ", ") + " LIMIT 1")
		did("UPDATE")
	}
	if len(rows) > 3 {
		w.exec("DELETE FROM " + id + " LIMIT 1")
		did("DELETE")
	}
	n, start := 0, ""
	for _, e := range w.log() {
		if e.kind == "Table_map" && start == "" {
			start = e.start // there are several if foreign keys refer to the table
		}
		if !strings.Contains(e.kind, "_rows") || strings.HasPrefix(e.kind, "Annotate") {
			continue
		}
		if n < len(changes) {
			changes[n].pos, changes[n].safe = w.at(e.end), w.at(start)
		}
		start = ""
		n++
	}
	if n != len(changes) {
		w.Fatalf("step %q: %d changes of %s were logged and %d seen", w.step, n, table, len(changes))
	}
	w.wanted = append(w.wanted, changes...)
}

// minus gives the rows of a that are not in b, each as often as it is there.
func minus(a, b []image) (out []image) {
	b = slices.Clone(b)
	for _, row := range a {
		if i := slices.IndexFunc(b, func(o image) bool { return maps.Equal(o, row) }); i >= 0 {
			b = slices.Delete(b, i, i+1)
		} else {
			out = append(out, row)
		}
	}
	return out
}
