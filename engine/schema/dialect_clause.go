package schema

import (
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/charset"

	"sluice/engine/cdc"
)

// parsing guards the parser's list of collations, to which those are added that it does not know.
var (
	parsing sync.Mutex
	added   = 1 << 20 // the id of the last of them
)

// parse reads one statement.
func parse(flavor cdc.Flavor, sql string) (ast.StmtNode, *rewriter, error) {
	d := rewritten(flavor, sql)
	parsing.Lock()
	defer parsing.Unlock()
	for _, name := range d.collations {
		if _, err := charset.GetCollationByName(name); err == nil {
			continue
		}
		if of := charsetOf(name); of != "" || strings.HasPrefix(name, anyCharset) {
			if of == "" {
				of = "utf8mb4"
			}
			added++
			charset.AddCollation(&charset.Collation{ID: added, CharsetName: of, Name: name})
		}
	}
	p := parser.New()
	p.SetMariaDB(flavor == cdc.MariaDB)
	p.SetStrictDoubleTypeCheck(false)
	stmt, err := p.ParseOneStmt(d.text(), "", "")
	if alter, ok := stmt.(*ast.AlterTableStmt); ok {
		for i, s := range alter.Specs {
			if d.conditional[i] {
				s.IfExists, s.IfNotExists = true, true
				if s.Constraint != nil {
					s.Constraint.IfNotExists = true
				}
			}
		}
	}
	return stmt, d, err
}

// anyCharset begins the names of MariaDB's collations that serve every charset.
const anyCharset = "uca1400_"

// clauses goes over the clauses of ALTER TABLE from start on, or over the parts of CREATE TABLE if that is negative.
func (d *rewriter) clauses(start int) {
	depth, at := 0, 0 // of the parts
	if start < 0 {
		start, at = 0, 1
	}
	n, first := 0, at == 0
	for i := start; i < len(d.tokens); i++ {
		switch t := d.at(i); {
		case t.isSymbol(")"):
			depth--
		case t.isSymbol("("):
			depth++
			first = first || depth == at
			continue
		case t.isSymbol(",") && depth == at:
			first = true
			n++
			continue
		case first:
			d.clause(i)
			first = false
			fallthrough
		default:
			if depth == at && t.is("IF") && at == 0 {
				d.condition(i, n)
			}
		}
	}
}

// condition leaves out IF EXISTS and IF NOT EXISTS, and notes which clause has it.
func (d *rewriter) condition(i, clause int) {
	next := i + 1
	if d.at(next).is("NOT") {
		next++
	}
	if !d.at(next).is("EXISTS") {
		return
	}
	for ; i <= next; i++ {
		d.put(i, "")
	}
	if d.conditional == nil {
		d.conditional = map[int]bool{}
	}
	d.conditional[clause] = true
}

// clause rewrites clauses that the parser does not know and that leave the columns as they are.
func (d *rewriter) clause(i int) {
	j := i + 1
	switch t := d.at(i); {
	case t.is("PERIOD") && d.at(j).is("FOR") && !d.at(j+1).is("SYSTEM_TIME"): // of CREATE TABLE
		d.period(i)
	case t.is("ADD") && d.at(j).is("PERIOD"):
		d.period(j)
	case t.is("DROP") && d.at(j).is("PERIOD"):
		for d.at(j).kind != symbol {
			if d.at(j).is("SYSTEM_TIME") {
				return
			}
			j++
		}
		d.stand(i, j, "FORCE")
	case t.is("CONVERT") && (d.at(j).is("PARTITION") || d.at(j).is("TABLE")):
		depth := 0
		for ; j < len(d.tokens) && (depth > 0 || !d.at(j).isSymbol(",")); j++ {
			if d.at(j).isSymbol("(") {
				depth++
			} else if d.at(j).isSymbol(")") {
				depth--
			}
		}
		d.stand(i, j, "FORCE")
	case t.is("ALTER") && (d.at(j).is("KEY") || d.at(j).is("INDEX")):
		d.put(j, "INDEX")
		for j++; d.at(j).kind != symbol; j++ {
			if d.at(j).is("IGNORED") && d.at(j-1).is("NOT") {
				d.put(j-1, "")
				d.put(j, "VISIBLE")
			} else if d.at(j).is("IGNORED") {
				d.put(j, "INVISIBLE")
			}
		}
	}
}

// period makes PERIOD FOR name (a, b) a check that says nothing; system versioning stays what it is.
func (d *rewriter) period(i int) {
	j := i + 1
	for ; j < len(d.tokens) && !d.at(j).isSymbol("("); j++ {
		if d.at(j).is("SYSTEM_TIME") {
			return
		}
	}
	d.stand(i, d.group(j), "CHECK (1)")
}

// stand puts the text for the tokens from i up to j.
func (d *rewriter) stand(i, j int, text string) {
	d.put(i, text)
	for i++; i < j; i++ {
		d.put(i, "")
	}
}

// group gives the token behind the parentheses that open at i.
func (d *rewriter) group(i int) int {
	for depth := 0; i < len(d.tokens); i++ {
		if d.at(i).isSymbol("(") {
			depth++
		} else if d.at(i).isSymbol(")") {
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

// storage are options of MariaDB's engines.
var storage = map[string]bool{"TRANSACTIONAL": true, "PAGE_CHECKSUM": true, "PAGE_COMPRESSED": true, "PAGE_COMPRESSION_LEVEL": true,
	"ENCRYPTED": true, "ENCRYPTION_KEY_ID": true}

// attribute rewrites what stands in a column or table beside its type: expressions, which say nothing about it, and
// names of collations, which are noted.
func (d *rewriter) attribute(i int) bool {
	t := d.at(i)
	if t.kind != word || d.at(i-1).isSymbol(".") || d.with[i] != "" {
		return false
	}
	next := i + 1
	switch {
	case t.is("COLLATE"):
		if d.at(next).isSymbol("=") {
			next++
		}
		d.collations = append(d.collations, collationName(d.at(next).text))
	case t.is("DEFAULT"):
		if d.at(next).kind == word && !d.at(next).is("CHARACTER") && !d.at(next).is("CHARSET") && d.at(next+1).isSymbol("(") {
			next++ // a function
		}
		if !d.at(next).isSymbol("(") {
			return false
		}
		d.stand(i, d.group(next), "DEFAULT 0")
	case (t.is("AS") || t.is("CHECK")) && d.at(next).isSymbol("("):
		first := next
		for d.at(first).isSymbol("(") {
			first++
		}
		if f := d.at(first); f.is("SELECT") || f.is("WITH") || f.is("VALUES") || f.is("TABLE") {
			return false
		}
		d.stand(next, d.group(next), "(1)")
	case storage[strings.ToUpper(t.text)] && d.at(next).isSymbol("=") && d.at(next+1).kind != symbol:
		d.stand(i, next+2, "COMMENT ''")
	case (t.is("CHAR") || t.is("CHARACTER")) && d.at(next).is("BYTE"):
		d.stand(i, next+1, "BINARY")
	default:
		return false
	}
	return true
}
