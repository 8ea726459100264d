package oracle

import (
	"slices"
	"strings"
)

// statements compares the DDL records with the ledger's statements: those of each table must be the last of its
// statements, in order, each once.
func (c *checker) statements() {
	bySQL := map[string]string{} // statement to the object that it belongs to
	want := map[string][]int{}   // object to its statements
	for i := range c.l.Statements {
		s := &c.l.Statements[i]
		end := c.l.Txns[s.Txn].End
		bySQL[plainSQL(s.SQL)] = s.Objects[0]
		if c.o.From != nil && end.Compare(*c.o.From) <= 0 || c.o.Until != nil && end.Compare(*c.o.Until) > 0 {
			continue
		}
		want[s.Objects[0]] = append(want[s.Objects[0]], i)
	}
	have := map[string][]int{} // object to its records
	for i := range c.topics.Records {
		r := &c.topics.Records[i]
		if r.Op != OpDDL || r.Schema {
			continue
		}
		object, ok := bySQL[plainSQL(r.SQL)]
		if !ok {
			c.r.Unknown++
			c.r.example("unknown: %s: statement %q, which the source never ran", r, r.SQL)
			continue
		}
		have[object] = append(have[object], i)
	}
	placed := map[int]*Statement{}
	for object := range want {
		c.suffix(object, want[object], have[object], placed)
	}
	if c.o.OnePartition {
		c.sides(placed)
	}
}

// suffix matches the records of one table's statements from the end; placed gets what each record answers.
func (c *checker) suffix(object string, want, have []int, placed map[int]*Statement) {
	for _, h := range slices.Backward(have) {
		r := &c.topics.Records[h]
		at := len(want) - 1
		for at >= 0 && plainSQL(c.l.Statements[want[at]].SQL) != plainSQL(r.SQL) {
			at--
		}
		if at < 0 {
			c.r.Doubled++
			c.r.example("doubled: %s of %s: statement %q", r, object, r.SQL)
			continue
		}
		for _, w := range want[at+1:] {
			c.missing(w)
		}
		placed[h] = &c.l.Statements[want[at]]
		want = want[:at]
	}
	for _, w := range want {
		if c.owed(w) {
			c.missing(w)
		}
	}
}

func (c *checker) missing(statement int) {
	s := &c.l.Statements[statement]
	c.r.Lost++
	c.r.example("lost: statement %q at %s", s.SQL, c.l.Txns[s.Txn].Start)
}

// owed says whether a statement must have a record even if none of its table follows.
func (c *checker) owed(statement int) bool {
	end := c.l.Txns[c.l.Statements[statement].Txn].End
	from := c.o.DDLFrom
	if from == nil {
		from = c.o.From
	}
	return from != nil && end.Compare(*from) > 0
}

// sides wants the rows of a table on the same side of its DDL records as in the ledger.
func (c *checker) sides(placed map[int]*Statement) {
	passed, newest := map[string]int32{}, map[string]int32{}
	for i := range c.topics.Records {
		r := &c.topics.Records[i]
		if s := placed[i]; s != nil {
			object := s.Objects[0]
			if newest[object] > s.Seq {
				c.r.Misplaced++
				c.r.example("misplaced: %s %q stands behind a later row of %s", r, r.SQL, object)
			}
			passed[object] = s.Seq
			continue
		}
		if change := c.answers[i]; change >= 0 {
			if change < passed[r.Object] {
				c.r.Misplaced++
				c.r.example("misplaced: %s of %s stands behind a later statement", r, r.Object)
			}
			newest[r.Object] = max(newest[r.Object], change+1)
		}
	}
}

// plainSQL is a statement without comments and with single spaces.
func plainSQL(sql string) string {
	var b strings.Builder
	for _, t := range tokenize(sql) {
		b.WriteByte(t.kind)
		b.WriteString(t.text)
		b.WriteByte(' ')
	}
	return b.String()
}
