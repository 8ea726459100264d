package schema

import (
	"slices"

	"sluice/engine/cdc"
)

// Kind is what a statement does to a table or database.
type Kind uint8

// Kinds of DDL. A database is named by TableID.Schema alone.
const (
	Create Kind = iota
	Alter
	Drop
	Rename
	Truncate
	CreateDatabase
	AlterDatabase
	DropDatabase
)

func (k Kind) String() string {
	return [...]string{"create", "alter", "drop", "rename", "truncate", "create database", "alter database", "drop database"}[k]
}

// Touch is one table that a statement touches.
type Touch struct {
	Kind      Kind
	Table     cdc.TableID
	To        cdc.TableID // Rename: the new name
	Like      cdc.TableID // Create: made of a partition of that table
	Temporary bool        // a session's own table, which no other session and no binlog row sees
	Maybe     bool        // Create: IF NOT EXISTS
	Partition bool        // Alter: rows go or come with a partition, of which the log has no rows events
}

// Recognise says which tables a statement touches and how, in the order in which it does. Statements that touch no
// definition of a table (views, triggers, users, ANALYZE, XA) give nil.
func Recognise(flavor cdc.Flavor, defaultSchema, sql string) []Touch {
	r := &recogniser{tokens: tokenize(flavor, sql), schema: defaultSchema}
	if r.skip("SET") && r.skip("STATEMENT") {
		for r.at < len(r.tokens) && !r.skip("FOR") {
			r.at++
		}
	}
	switch {
	case r.skip("CREATE"):
		r.create()
	case r.skip("ALTER"):
		r.alter()
	case r.skip("DROP"):
		r.drop()
	case r.skip("RENAME"):
		r.rename()
	case r.skip("TRUNCATE"):
		r.skip("TABLE")
		r.one(Truncate, false)
	}
	return r.touches
}

// recogniser reads a statement from left to right.
type recogniser struct {
	tokens  []token
	at      int
	schema  string
	touches []Touch
}

func (r *recogniser) peek(n int) token {
	if r.at+n < len(r.tokens) {
		return r.tokens[r.at+n]
	}
	return token{kind: symbol}
}

// skip passes the next token if it is one of the keywords.
func (r *recogniser) skip(keywords ...string) bool {
	if slices.ContainsFunc(keywords, r.peek(0).is) {
		r.at++
		return true
	}
	return false
}

func (r *recogniser) skipSymbol(s string) bool {
	if r.peek(0).isSymbol(s) {
		r.at++
		return true
	}
	return false
}

// skipIf passes IF EXISTS and IF NOT EXISTS.
func (r *recogniser) skipIf() {
	if r.skip("IF") {
		r.skip("NOT")
		r.skip("EXISTS")
	}
}

// skipWait passes MariaDB's WAIT n and NOWAIT.
func (r *recogniser) skipWait() {
	if r.skip("WAIT") {
		r.at++
	} else {
		r.skip("NOWAIT")
	}
}

func (r *recogniser) add(t Touch) { r.touches = append(r.touches, t) }

// name reads table or schema.table.
func (r *recogniser) name() (cdc.TableID, bool) {
	first := r.peek(0)
	if first.kind != word && first.kind != quoted {
		return cdc.TableID{}, false
	}
	r.at++
	if second := r.peek(1); r.peek(0).isSymbol(".") && (second.kind == word || second.kind == quoted) {
		r.at += 2
		return cdc.TableID{Schema: first.text, Name: second.text}, true
	}
	return cdc.TableID{Schema: r.schema, Name: first.text}, true
}

func (r *recogniser) one(kind Kind, temporary bool) {
	if id, ok := r.name(); ok {
		r.add(Touch{Kind: kind, Table: id, Temporary: temporary})
	}
}

func (r *recogniser) database(kind Kind) {
	if id := r.peek(0); id.kind == word || id.kind == quoted {
		r.at++
		r.add(Touch{Kind: kind, Table: cdc.TableID{Schema: id.text}})
	}
}

func (r *recogniser) create() {
	replace := r.skip("OR") && r.skip("REPLACE")
	temporary := r.skip("TEMPORARY")
	switch {
	case r.skip("TABLE"):
		maybe := r.peek(0).is("IF")
		r.skipIf()
		if id, ok := r.name(); ok {
			r.add(Touch{Kind: Create, Table: id, Temporary: temporary, Maybe: maybe})
		}
	case r.skip("DATABASE", "SCHEMA"):
		r.skipIf()
		if at := r.at; replace {
			r.database(DropDatabase)
			r.at = at
		}
		r.database(CreateDatabase)
	default:
		r.index()
	}
}

// index reads the rest of CREATE INDEX and DROP INDEX up to the table's name.
func (r *recogniser) index() {
	for r.skip("ONLINE", "OFFLINE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR") {
	}
	if !r.skip("INDEX") {
		return
	}
	r.skipIf()
	r.at++
	if r.skip("USING", "TYPE") {
		r.at++
	}
	if r.skip("ON") {
		r.one(Alter, false)
	}
}

func (r *recogniser) drop() {
	temporary := r.skip("TEMPORARY")
	switch {
	case r.skip("TABLE", "TABLES"):
		r.skipIf()
		for {
			r.one(Drop, temporary)
			if !r.skipSymbol(",") {
				return
			}
		}
	case r.skip("DATABASE", "SCHEMA"):
		r.skipIf()
		r.database(DropDatabase)
	default:
		r.index()
	}
}

func (r *recogniser) rename() {
	if !r.skip("TABLE", "TABLES") {
		return
	}
	r.skipIf()
	for {
		from, ok := r.name()
		r.skipWait()
		if !ok || !r.skip("TO") {
			return
		}
		to, ok := r.name()
		if !ok {
			return
		}
		r.skipWait()
		r.add(Touch{Kind: Rename, Table: from, To: to})
		if !r.skipSymbol(",") {
			return
		}
	}
}

func (r *recogniser) alter() {
	for r.skip("ONLINE", "OFFLINE", "IGNORE") {
	}
	switch {
	case r.skip("DATABASE", "SCHEMA"):
		if r.peek(0).is("CHARACTER") || r.peek(0).is("CHARSET") || r.peek(0).is("COLLATE") || r.peek(0).is("DEFAULT") {
			r.add(Touch{Kind: AlterDatabase, Table: cdc.TableID{Schema: r.schema}})
			return
		}
		r.database(AlterDatabase)
	case r.skip("TABLE"):
		r.skipIf()
		id, ok := r.name()
		if !ok {
			return
		}
		r.skipWait()
		r.add(Touch{Kind: Alter, Table: id})
		r.clauses(id)
	}
}

// clauses looks at each clause of an ALTER TABLE for other tables that it touches.
func (r *recogniser) clauses(id cdc.TableID) {
	var renamed *cdc.TableID
	depth, first := 0, true
	for ; r.at < len(r.tokens); r.at++ {
		switch t := r.peek(0); {
		case t.isSymbol("("):
			depth++
		case t.isSymbol(")"):
			depth--
		case t.isSymbol(",") && depth == 0:
			first = true
			continue
		case first:
			if to := r.clause(id); to != nil {
				renamed = to
			}
			r.at--
		}
		first = false
	}
	if renamed != nil {
		r.add(Touch{Kind: Rename, Table: id, To: *renamed})
	}
}

// clause reads the head of one clause and gives the new name of RENAME TO. It passes at least one token.
func (r *recogniser) clause(id cdc.TableID) *cdc.TableID {
	switch {
	case r.skip("RENAME"):
		if next := r.peek(0); next.is("COLUMN") || next.is("INDEX") || next.is("KEY") {
			return nil
		}
		if !r.skip("TO", "AS") {
			r.skipSymbol("=")
		}
		if to, ok := r.name(); ok {
			return &to
		}
	case (r.peek(0).is("DROP") || r.peek(0).is("TRUNCATE")) && r.peek(1).is("PARTITION"):
		r.touches[0].Partition = true
		r.at += 2
	case r.skip("EXCHANGE") && r.skip("PARTITION"):
		r.touches[0].Partition = true
		r.at++
		if r.skip("WITH") && r.skip("TABLE") {
			if other, ok := r.name(); ok {
				r.add(Touch{Kind: Alter, Table: other, Partition: true})
			}
		}
	case r.skip("CONVERT"):
		r.convert(id)
	default:
		r.at++
	}
	return nil
}

// convert reads MariaDB's CONVERT PARTITION p TO TABLE t and CONVERT TABLE t TO PARTITION.
func (r *recogniser) convert(id cdc.TableID) {
	r.touches[0].Partition = r.peek(0).is("PARTITION") || r.peek(0).is("TABLE")
	switch {
	case r.skip("PARTITION"):
		r.at++
		if r.skip("TO") && r.skip("TABLE") {
			if made, ok := r.name(); ok {
				r.add(Touch{Kind: Create, Table: made, Like: id})
			}
		}
	case r.skip("TABLE"):
		r.one(Drop, false)
	}
}
