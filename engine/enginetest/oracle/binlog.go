package oracle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Arguments are what mysqlbinlog and mariadb-binlog must be given before the file's name.
func Arguments() []string { return []string{"--base64-output=DECODE-ROWS", "-v"} }

// ReadLedger runs the tool over every file in order and reads what it prints. tool gives the command for arguments.
func ReadLedger(o LedgerOptions, files []string, tool func(args ...string) *exec.Cmd) (*Ledger, error) {
	l := NewLedger(o)
	for _, file := range files {
		if err := l.readFile(file, tool(append(Arguments(), file)...)); err != nil {
			return nil, fmt.Errorf("reading %s: %w", filepath.Base(file), err)
		}
	}
	return l, nil
}

func (l *Ledger) readFile(file string, cmd *exec.Cmd) error {
	number, err := strconv.ParseUint(file[strings.LastIndexByte(file, '.')+1:], 10, 64)
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		return err
	}
	err = l.Read(out, number)
	if err != nil {
		cmd.Process.Kill()
	}
	if end := cmd.Wait(); err == nil && end != nil {
		err = fmt.Errorf("%w: %s", end, bytes.TrimSpace(complaint.Bytes()))
	}
	return err
}

// Read reads the printed text of one binlog file. A transaction that is not ended in it did not happen.
func (l *Ledger) Read(r io.Reader, file uint64) error {
	s := &scanner{l: l, in: bufio.NewReaderSize(r, 1<<20), file: file}
	for {
		line, err := s.line()
		if errors.Is(err, io.EOF) {
			l.rollback()
			return s.flush()
		}
		if err == nil {
			err = s.take(line)
		}
		if err != nil {
			return fmt.Errorf("near offset %d: %w", s.at, err)
		}
	}
}

// scanner reads the printed text of one file.
type scanner struct {
	l    *Ledger
	in   *bufio.Reader
	long []byte
	file uint64

	at, end uint64 // of the event being read
	db      string
	txn     Txn
	query   bool     // the lines of a statement follow
	sql     []string // of it so far

	table  *tableState // of the row being read; nil: not followed
	op     Op
	where  bool // the cells go to the image before
	inRow  bool
	before []cell
	after  []cell
	arena  []byte
}

// line gives the next line without its end; it is valid until the next call.
func (s *scanner) line() ([]byte, error) {
	line, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = s.in.ReadSlice('\n')
			s.long = append(s.long, line...)
		}
		line = s.long
	}
	if err != nil && len(line) == 0 {
		return nil, err
	}
	return bytes.TrimSuffix(line, []byte("\n")), nil
}

var (
	rowPrefix  = []byte("###   @")
	hashPrefix = []byte("###")
	statement  = []byte("/*!*/;")
)

func (s *scanner) take(line []byte) error {
	switch {
	case bytes.HasPrefix(line, rowPrefix):
		return s.cell(line[len(rowPrefix):])
	case bytes.HasPrefix(line, hashPrefix):
		return s.rowHead(string(bytes.TrimLeft(line, "# ")))
	}
	if s.inRow {
		if err := s.flush(); err != nil {
			return err
		}
	}
	switch {
	case s.query:
		return s.queryLine(line)
	case bytes.HasPrefix(line, []byte("# at ")):
		n, err := strconv.ParseUint(string(line[5:]), 10, 64)
		s.at = n
		return err
	case len(line) > 8 && line[0] == '#' && line[1] >= '0' && line[1] <= '9':
		return s.event(string(line))
	case bytes.HasPrefix(line, []byte("SET @@SESSION.GTID_NEXT= '")):
		text := string(line[len("SET @@SESSION.GTID_NEXT= '"):])
		s.txn.TID, _, _ = strings.Cut(text, "'")
	case bytes.HasPrefix(line, []byte("COMMIT")):
		return s.commit()
	case bytes.HasPrefix(line, []byte("XA ")):
		return s.branch(string(line))
	}
	return nil
}

// branch reads an XA statement. What was prepared waits for its end, which may stand in a later file.
func (s *scanner) branch(sql string) error {
	words := strings.Fields(sql)
	if len(words) < 3 {
		return fmt.Errorf("%q is not known", sql)
	}
	switch xid := words[2]; words[1] {
	case "START", "END":
	case "PREPARE":
		s.l.prepare(xid)
	case "COMMIT":
		if len(words) == 3 { // else in one phase
			s.l.take(xid)
		}
		return s.commit()
	case "ROLLBACK":
		s.l.take(xid)
		s.l.rollback()
	default:
		return fmt.Errorf("%q is not known", sql)
	}
	return nil
}

// event reads the line that opens an event.
func (s *scanner) event(line string) error {
	_, rest, ok := strings.Cut(line, "end_log_pos ")
	if !ok {
		return nil
	}
	digits, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return err
	}
	s.end = n
	_, kind, _ := strings.Cut(rest, "\t")
	switch {
	case strings.HasPrefix(kind, "GTID"), strings.HasPrefix(kind, "Anonymous_GTID"):
		s.txn = Txn{Start: Position{s.file, s.at}}
		s.l.rollback()
		if tid := strings.Fields(kind); len(tid) > 2 && strings.Count(tid[1], "-") == 2 { // MariaDB: GTID 0-1-5 trans
			s.txn.TID = tid[1]
		}
	case strings.HasPrefix(kind, "Query"):
		s.query, s.sql = true, nil
	case strings.HasPrefix(kind, "Update_rows_partial"):
		return errors.New("partial JSON updates are not read by the oracle")
	}
	return nil
}

func (s *scanner) commit() error {
	s.txn.End = Position{s.file, s.end}
	return s.l.commit(s.txn)
}

// queryLine reads one line of a query event: settings end in the delimiter, the statement ends in a line of its own.
func (s *scanner) queryLine(line []byte) error {
	if !bytes.Equal(line, statement) {
		if len(s.sql) == 0 && bytes.HasSuffix(line, statement) {
			if use, ok := bytes.CutPrefix(line, []byte("use ")); ok {
				s.db, _ = unquote(string(use))
			}
			return nil
		}
		s.sql = append(s.sql, string(line))
		return nil
	}
	s.query = false
	sql := strings.Join(s.sql, "\n")
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(sql)), " ")
	switch word {
	case "BEGIN", "START":
		return nil
	case "COMMIT":
		return s.commit()
	case "ROLLBACK":
		if strings.Contains(strings.ToUpper(sql), " TO ") {
			return errors.New("ROLLBACK TO in the binlog is not read by the oracle")
		}
		s.l.rollback()
		return nil
	case "SAVEPOINT", "RELEASE":
		return nil
	case "XA":
		return s.branch(sql)
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD":
		return fmt.Errorf("statement in place of rows: %.80s", sql)
	}
	s.txn.End = Position{s.file, s.end}
	return s.l.statement(s.db, sql, s.txn)
}

// rowHead reads INSERT INTO, UPDATE, DELETE FROM, WHERE and SET.
func (s *scanner) rowHead(line string) error {
	switch line {
	case "WHERE":
		s.where = true
		return nil
	case "SET":
		s.where = false
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	name := ""
	for op, words := range map[Op]string{OpInsert: "INSERT INTO ", OpUpdate: "UPDATE ", OpDelete: "DELETE FROM "} {
		if rest, ok := strings.CutPrefix(line, words); ok {
			s.op, name = op, rest
		}
	}
	if name == "" {
		return fmt.Errorf("line ### %q is not known", line)
	}
	db, n := unquote(name)
	table, _ := unquote(name[n+1:])
	name = db + "." + table
	s.inRow, s.table = true, nil
	if s.l.follows(name) {
		if s.table = s.l.tables[name]; s.table == nil {
			return fmt.Errorf("rows of %s before its CREATE TABLE", name)
		}
	}
	return nil
}

// cell reads "3='abc' /* VARSTRING(40) meta=40 nullable=1 is_null=0 */"; the comment is there with -vv.
func (s *scanner) cell(line []byte) error {
	if s.table == nil {
		return nil
	}
	number, raw, ok := bytes.Cut(line, []byte("="))
	row := &s.after
	if s.where {
		row = &s.before
	}
	if n, err := strconv.Atoi(string(number)); !ok || err != nil || n != len(*row)+1 {
		return fmt.Errorf("%s: column @%s where @%d was due", s.table.def.name, number, len(*row)+1)
	}
	if len(*row) >= len(s.table.def.columns) {
		return fmt.Errorf("%s has more columns in the log than the oracle knows (%d)", s.table.def.name, len(s.table.def.columns))
	}
	if i := bytes.LastIndex(raw, []byte(" /* ")); i >= 0 && bytes.HasSuffix(raw, []byte(" */")) {
		raw = raw[:i]
	}
	at := len(s.arena)
	s.arena = append(s.arena, raw...)
	c := &s.table.def.columns[len(*row)]
	v, err := c.logged(s.arena[at:len(s.arena):len(s.arena)], s.l.Flavor)
	if err != nil {
		return fmt.Errorf("%s.%s: %w", s.table.def.name, c.name, err)
	}
	*row = append(*row, v)
	return nil
}

// flush hands the row that was read to the ledger.
func (s *scanner) flush() error {
	if !s.inRow {
		return nil
	}
	s.inRow = false
	if s.table == nil {
		return nil
	}
	before, after := s.before, s.after
	if s.op == OpInsert {
		before = nil
	}
	if s.op == OpDelete {
		after = nil
	}
	err := s.l.row(s.table, s.op, before, after)
	s.before, s.after, s.arena = s.before[:0], s.after[:0], s.arena[:0]
	return err
}
