package oracle

// CheckOptions say what the task was to do.
type CheckOptions struct {
	// From: the task had no full copy and began here; every change that ends after it must have its record.
	From *Position
	// Until: the task ended here; later changes must have no record. The tables are then not compared.
	Until *Position
	// DDLFrom: DDL statements that end after it must have their record; nil: those of the schema phase and before it
	// are unknown, so the records need only be the last statements of each table.
	DDLFrom *Position
	// NoDDL: the task sends no DDL records.
	NoDDL bool
	// Moved: the task moved to the server of the ledger; positions in the records may be of another one.
	Moved bool
	// OnePartition: each table is in one partition, so that the place of its DDL records is checked.
	OnePartition bool
}

// step is one change in the life of a key. A change of the key is a DELETE of the old and an INSERT of the new one.
type step struct {
	op            Op // OpInsert, OpUpdate, OpDelete or opSet
	half          byte
	before, after Hash
	change        int32
	next          int32
}

// event is one record about a key.
type event struct {
	op            Op
	half          byte // 'u': an UPDATE that changes the key, whole
	before, after Hash
	record        int32
	next          int32
}

// checker holds the steps and events of all keys as lists in two slices.
type checker struct {
	l      *Ledger
	topics *Topics
	tables Contents
	o      CheckOptions
	r      *Report

	steps              []step
	events             []event
	stepHead, stepTail []int32
	evHead, evTail     []int32
	answers            []int32 // of each record: the change that it answers, or -1
	chain              chain
}

// Check compares topics with the ledger and, where tables is not nil, with the tables.
func Check(l *Ledger, topics *Topics, tables Contents, o CheckOptions) *Report {
	c := &checker{l: l, topics: topics, tables: tables, o: o, r: &Report{}}
	if tables != nil {
		diff := l.Differences(tables, maxExamples)
		c.r.Source = len(diff)
		for _, d := range diff {
			c.r.example("source: %s", d)
		}
	}
	c.r.Unreadable = topics.Faulty
	for _, f := range topics.Faults {
		c.r.example("unreadable: %s", f)
	}
	c.identities()
	c.lay()
	c.arrive()
	for n := range l.keys {
		if l.keys[n].selected {
			c.r.Keys++
			c.judge(int32(n))
		}
	}
	if !o.NoDDL {
		c.statements()
	}
	return c.r
}

// identities wants every identity once; the two halves of an UPDATE are one each, a whole one counts as both.
func (c *checker) identities() {
	seen := make(map[Hash]byte, len(c.topics.Records))
	for i := range c.topics.Records {
		r := &c.topics.Records[i]
		if r.Op == OpHeartbeat {
			c.r.Fences++
			continue
		}
		c.r.Records++
		bits := map[byte]byte{0: 3, '-': 1, '+': 2}[r.Half]
		if seen[r.Identity]&bits != 0 {
			c.r.Doubled++
			c.r.example("doubled: the identity of the %s of %s occurs twice", r, r.Object)
		} else {
			c.r.Identities++
		}
		seen[r.Identity] |= bits
	}
}

// lay puts the ledger's changes into the lists of their keys.
func (c *checker) lay() {
	c.stepHead, c.stepTail = lists(len(c.l.keys)), lists(len(c.l.keys))
	c.steps = make([]step, 0, len(c.l.Changes)+len(c.l.Changes)/8)
	for i := range c.l.Changes {
		ch := &c.l.Changes[i]
		if c.o.Until != nil && c.l.Txns[ch.Txn].End.Compare(*c.o.Until) > 0 {
			continue
		}
		s := step{op: ch.Op, before: ch.Before, after: ch.After, change: int32(i), next: -1}
		if ch.Op == OpUpdate && ch.Old != ch.New {
			c.addStep(ch.Old, step{op: OpDelete, half: '-', before: ch.Before, change: int32(i), next: -1})
			c.addStep(ch.New, step{op: OpInsert, half: '+', after: ch.After, change: int32(i), next: -1})
			continue
		}
		c.addStep(max(ch.Old, ch.New), s)
	}
}

func lists(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = -1
	}
	return out
}

func (c *checker) addStep(key int32, s step) {
	n := int32(len(c.steps))
	c.steps = append(c.steps, s)
	if c.stepTail[key] < 0 {
		c.stepHead[key] = n
	} else {
		c.steps[c.stepTail[key]].next = n
	}
	c.stepTail[key] = n
	if s.op != opSet && c.l.keys[key].selected {
		c.r.Steps++
	}
}

// arrive puts the records into the lists of their keys.
func (c *checker) arrive() {
	c.evHead, c.evTail = lists(len(c.l.keys)), lists(len(c.l.keys))
	c.answers = lists(len(c.topics.Records))
	c.events = make([]event, 0, len(c.topics.Records)+len(c.topics.Records)/8)
	for i := range c.topics.Records {
		r := &c.topics.Records[i]
		e := event{op: r.Op, half: r.Half, before: r.Before, after: r.After, record: int32(i), next: -1}
		switch r.Op {
		case OpHeartbeat:
		case OpDDL:
			c.r.DDL++
		case OpInit:
			c.r.Init++
			c.addEvent(r, r.New, e)
		case OpUpdate:
			c.r.Changes++
			if r.Old == r.New {
				c.addEvent(r, r.New, e)
				break
			}
			c.addEvent(r, r.Old, event{op: OpDelete, half: 'u', before: r.Before, record: int32(i), next: -1})
			c.addEvent(r, r.New, event{op: OpInsert, half: 'u', after: r.After, record: int32(i), next: -1})
		case OpInsert:
			c.r.Changes++
			c.addEvent(r, r.New, e)
		case OpDelete:
			c.r.Changes++
			c.addEvent(r, r.Old, e)
		}
	}
}

func (c *checker) addEvent(r *Record, keyHash Hash, e event) {
	key, ok := c.l.index[keyHash]
	if !ok {
		c.r.Unknown++
		c.r.example("unknown: %s of %s, which the source never had", r, readableKey([]byte(c.topics.keys[keyHash])))
		return
	}
	n := int32(len(c.events))
	c.events = append(c.events, e)
	if c.evTail[key] < 0 {
		c.evHead[key] = n
	} else {
		c.events[c.evTail[key]].next = n
	}
	c.evTail[key] = n
}
