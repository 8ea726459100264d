package oracle

import (
	"fmt"
	"strings"
)

// Report is the verdict of Check.
type Report struct {
	// What was checked.
	Records    int // row records and DDL records, without fences
	Init       int // rows of the full copy
	Changes    int // INSERT, UPDATE and DELETE records
	DDL        int
	Fences     int // HEARTBEAT records
	Keys       int // keys of the ledger, a table without a key counting as one
	Steps      int // changes of the ledger that a record answers or should
	Identities int

	// What is wrong.
	Lost       int // changes or rows that no record answers
	Doubled    int // records that repeat a row or change, and identities that occur twice
	OutOfOrder int // keys whose records stand in another order than the ledger
	WrongImage int // records whose image is not what the ledger holds
	Unknown    int // records of keys that the source never had
	Moved      int // keys with records in more than one partition
	Halves     int // records whose identity says half of an UPDATE and that are none, or the other way round
	Positions  int // keys whose INIT names another position than its image and what follows show
	Final      int // keys whose last state in the topic is not the table's
	Misplaced  int // DDL records that stand on the wrong side of a row record
	Unreadable int // messages that can't be decoded or lack their key
	Source     int // differences between the ledger and the tables: the oracle itself can't judge

	Examples []string
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool {
	return r.Lost+r.Doubled+r.OutOfOrder+r.WrongImage+r.Unknown+r.Moved+r.Halves+r.Positions+r.Final+r.Misplaced+
		r.Unreadable+r.Source == 0
}

// maxExamples bounds what a report prints.
const maxExamples = 20

func (r *Report) example(format string, args ...any) {
	if len(r.Examples) < maxExamples {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "records %d: INIT %d, changes %d, DDL %d; fences %d; keys %d; ledger steps %d; identities %d\n",
		r.Records, r.Init, r.Changes, r.DDL, r.Fences, r.Keys, r.Steps, r.Identities)
	fmt.Fprintf(&b, "lost %d, doubled %d, out of order %d, wrong image %d, unknown %d, moved %d, halves %d, positions %d, "+
		"final %d, misplaced %d, unreadable %d, source %d",
		r.Lost, r.Doubled, r.OutOfOrder, r.WrongImage, r.Unknown, r.Moved, r.Halves, r.Positions,
		r.Final, r.Misplaced, r.Unreadable, r.Source)
	for _, e := range r.Examples {
		b.WriteString("\n  " + e)
	}
	return b.String()
}
