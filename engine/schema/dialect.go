package schema

import (
	"strings"

	"sluice/engine/cdc"
)

// Marks carry what the parser has no syntax for, as comments of columns and as defaults.
const (
	markInvisible = "\x01invisible"
	markVisible   = "\x01visible"
	markType      = "\x01type " // and the type
)

// dialect rewrites the statement to what the parser reads, without changing what it says about the definition:
// comments that this server does not run go, so do locking words, MariaDB's IF EXISTS and OR REPLACE; column
// attributes that it does not know become marks.
func dialect(flavor cdc.Flavor, sql string) string { return rewritten(flavor, sql).text() }

func rewritten(flavor cdc.Flavor, sql string) *rewriter {
	d := &rewriter{sql: sql, tokens: tokenize(flavor, sql)}
	d.clauses(d.head())
	for i := range d.tokens {
		d.rewrite(i)
	}
	return d
}

func (d *rewriter) text() string {
	var b strings.Builder
	for i, t := range d.tokens {
		if i > 0 && t.start > d.tokens[i-1].end {
			b.WriteByte(' ')
		}
		if with, ok := d.with[i]; ok {
			b.WriteString(with)
			continue
		}
		b.WriteString(d.sql[t.start:t.end])
	}
	return b.String()
}

type rewriter struct {
	sql    string
	tokens []token
	with   map[int]string // what stands for the token

	conditional map[int]bool // numbers of the clauses of ALTER TABLE that hold IF EXISTS or IF NOT EXISTS
	replaces    bool         // CREATE OR REPLACE
	collations  []string     // that the statement names
}

func (d *rewriter) at(i int) token {
	if i >= 0 && i < len(d.tokens) {
		return d.tokens[i]
	}
	return token{kind: symbol}
}

func (d *rewriter) put(i int, text string) {
	if d.with == nil {
		d.with = map[int]string{}
	}
	d.with[i] = text
}

// drop leaves out the token at i if it is the keyword.
func (d *rewriter) drop(i int, keyword string) bool {
	if !d.at(i).is(keyword) {
		return false
	}
	d.put(i, "")
	return true
}

// head rewrites what stands before the clauses, and gives where those of ALTER TABLE begin, or -1.
func (d *rewriter) head() int {
	i := 0
	if d.at(0).is("SET") && d.at(1).is("STATEMENT") {
		for ; i < len(d.tokens) && !d.at(i).is("FOR"); i++ {
			d.put(i, "")
		}
		d.put(i, "")
		i++
	}
	alter := d.at(i).is("ALTER")
	if !alter && !d.at(i).is("CREATE") {
		return -1
	}
	i++
	d.replaces = d.at(i).is("OR")
	for d.drop(i, "OR") || d.drop(i, "REPLACE") || d.drop(i, "ONLINE") || d.drop(i, "OFFLINE") || alter && d.drop(i, "IGNORE") {
		i++
	}
	if !alter {
		if n := len(d.tokens); d.at(n-2).is("START") && d.at(n-1).is("TRANSACTION") {
			d.put(n-2, "")
			d.put(n-1, "")
		}
		return -1
	}
	i++
	if d.drop(i, "IF") && d.drop(i+1, "EXISTS") {
		i += 2
	}
	i++
	if d.at(i).isSymbol(".") {
		i += 2
	}
	switch {
	case d.drop(i, "WAIT"):
		d.put(i+1, "")
		i += 2
	case d.drop(i, "NOWAIT"):
		i++
	}
	return i
}

// rewrite looks at one token of the clauses. A word that is a name, not an attribute, stands first in its clause or
// behind a word that takes a name; a wrong guess makes the parser refuse the statement.
func (d *rewriter) rewrite(i int) {
	t, before, next := d.at(i), d.at(i-1), d.at(i+1)
	if (t.is("SPATIAL") || t.is("VECTOR")) && (next.is("INDEX") || next.is("KEY")) {
		d.put(i, "") // such an index is no part of a definition
		return
	}
	if d.attribute(i) || t.kind != word || before.isSymbol("(") || before.isSymbol(",") || before.isSymbol(".") || before.is("COLUMN") || before.is("ADD") {
		return
	}
	switch {
	case t.is("INVISIBLE"), t.is("VISIBLE"):
		d.visibility(i)
	case t.is("PERSISTENT"):
		d.put(i, "STORED")
	case t.is("COMPRESSED") && !before.is("ROW_FORMAT") && !before.isSymbol("="):
		d.put(i, "") // the values are the same
		if next.isSymbol("=") {
			d.put(i+1, "")
			d.put(i+2, "")
		}
	case t.is("IGNORED") && d.with[i] == "" && (before.isSymbol(")") || before.is("NOT")):
		d.put(i, "")
		d.drop(i-1, "NOT")
	case standsAfterName(d, i) && foreignTypes[strings.ToLower(t.text)] != cdc.Unsupported:
		d.foreignType(i)
	case t.is("NATIONAL") && (next.is("CHAR") || next.is("CHARACTER") || next.is("VARCHAR") || next.is("VARCHARACTER")):
		d.national(i)
	case (t.is("NCHAR") || t.is("NVARCHAR")) && (next.isSymbol("(") || next.is("VARCHAR") || next.is("VARCHARACTER") || next.is("VARYING")):
		d.national(i)
	}
}

// visibility marks a column. Behind an index's columns, or in ALTER INDEX, the word is an index's, which the parser
// knows; a mark in its place says nothing about a column and is ignored.
func (d *rewriter) visibility(i int) {
	mark := markInvisible
	if d.at(i).is("VISIBLE") {
		mark = markVisible
	}
	switch {
	case d.at(i - 1).is("SET"):
		d.put(i, "DEFAULT '"+mark+"'")
	case d.at(i-2).is("INDEX") || d.at(i-2).is("KEY"):
	default:
		d.put(i, "COMMENT '"+mark+"'")
	}
}

// national gives NCHAR and its kin the charset that they stand for, which the parser does not report.
func (d *rewriter) national(i int) {
	for d.at(i+1).kind == word {
		i++
	}
	if d.at(i + 1).isSymbol("(") {
		i += 3
	}
	if d.at(i).kind == symbol && !d.at(i).isSymbol(")") || i >= len(d.tokens) {
		return
	}
	d.put(i, d.sql[d.tokens[i].start:d.tokens[i].end]+" CHARACTER SET utf8")
}
