package route

import (
	"strings"
	"sync"

	"sluice/engine/cdc"
	"sluice/engine/filter"
	"sluice/engine/task"
)

// Lane is one partition that the task writes to.
type Lane struct {
	Topic     string
	Partition int
}

// Plan is where the records of a task go. Its methods may be called by several goroutines.
type Plan struct {
	lanes   []Lane
	numbers map[Lane]int
	entries map[cdc.TableID]*entry
	dead    int // lane of dead letters, -1: none

	mu     sync.Mutex
	tables map[*cdc.Table]*Table

	spec       *task.Spec
	partitions map[string]int
	growing    sync.RWMutex // of entries
}

// entry is one selected table before its columns are known.
type entry struct {
	spec   *task.Table
	policy task.Policy
	name   []byte // "db.table" of the source
	object string
	lanes  []int // lane of partition p, -1 where the policy never sends
	fixed  int   // lane of rows that are not spread by their values
	ddl    int   // lane of DDL: that one, or partition 0 of a topic for all DDL
	dml    [3]bool
	filter *filter.Expr // of changes; nil: all travel
}

// New makes the plan of spec; partitions holds the partition count of every topic that it names.
func New(spec *task.Spec, partitions map[string]int) (*Plan, error) {
	p := &Plan{numbers: map[Lane]int{}, entries: map[cdc.TableID]*entry{}, tables: map[*cdc.Table]*Table{}, spec: spec, partitions: partitions}
	for i := range spec.Tables {
		t := &spec.Tables[i]
		id := cdc.TableID{Schema: t.Schema, Name: t.Name}
		if p.entries[id] != nil {
			return nil, refuse("route.table_twice", "Table "+id.String()+" is selected twice.", "Keep one of the two entries.")
		}
		e, err := newEntry(spec, t)
		if err != nil {
			return nil, err
		}
		if err := p.addLanes(e, spec.TopicOf(t), partitions); err != nil {
			return nil, err
		}
		p.entries[id] = e
	}
	for i := range spec.New {
		t := spec.New[i]
		e, err := newEntry(spec, &t)
		if err != nil {
			return nil, err
		}
		if e.policy == task.PolicyTable { // any partition may be that of a name
			e.policy = task.PolicyKey
		}
		if err := p.addLanes(e, spec.TopicOf(&t), partitions); err != nil {
			return nil, err
		}
	}
	if p.dead = -1; spec.DeadLetterTopic != "" {
		p.dead = p.number(Lane{Topic: spec.DeadLetterTopic})
	}
	return p, nil
}

// DeadLetters gives the lane of rows that are too large for their topic, or -1.
func (p *Plan) DeadLetters() int { return p.dead }

// Add takes a table that was created while the task runs. Its lanes are there.
func (p *Plan) Add(t *task.Table) error {
	e, err := newEntry(p.spec, t)
	if err != nil {
		return err
	}
	p.growing.Lock()
	defer p.growing.Unlock()
	if err := p.addLanes(e, p.spec.TopicOf(t), p.partitions); err != nil {
		return err
	}
	p.entries[cdc.TableID{Schema: t.Schema, Name: t.Name}] = e
	return nil
}

func (p *Plan) entry(id cdc.TableID) *entry {
	p.growing.RLock()
	defer p.growing.RUnlock()
	return p.entries[id]
}

func newEntry(spec *task.Spec, t *task.Table) (*entry, error) {
	id := cdc.TableID{Schema: t.Schema, Name: t.Name}
	e := &entry{spec: t, policy: t.Policy, name: []byte(id.String()), object: Object(t)}
	if e.policy == "" && len(t.PartitionKey) > 0 {
		e.policy = task.PolicyKey
	}
	if e.policy == "" {
		e.policy = spec.Policy
	}
	switch e.policy {
	case task.PolicyZero, task.PolicyTable, task.PolicyKey:
	case "":
		e.policy = task.PolicyZero
	default:
		return nil, refuse("route.policy_unknown", "Table "+id.String()+" has the unknown partition policy "+string(e.policy)+".", "Use zero, table or key.")
	}
	if len(t.PartitionKey) > 0 && e.policy != task.PolicyKey {
		return nil, refuse("route.partition_key_unused", "Table "+id.String()+" names partition key columns, but its policy is "+string(e.policy)+".", "Set the policy of the table to key, or remove the partition key.")
	}
	if len(t.Columns) > 0 && len(t.Exclude) > 0 {
		return nil, refuse("route.columns_and_exclude", "Table "+id.String()+" both lists columns and excludes columns.", "Keep one of the two lists.")
	}
	if t.FilterChanges {
		var err error
		if e.filter, err = filter.Parse(t.Where); err != nil {
			return nil, unfiltered(id, err)
		}
	}
	return e, e.setDML(t)
}

// unfiltered refuses a row filter whose result on changes would not surely be the server's.
func unfiltered(id cdc.TableID, why error) error {
	return refuse("route.filter_unsupported", "The row filter of table "+id.String()+" can't be applied to changes: "+why.Error()+".",
		"Compare columns with constants as docs/task-file.md says, or let the filter act on the full copy alone.")
}

func (e *entry) setDML(t *task.Table) error {
	if len(t.DML) == 0 {
		e.dml = [3]bool{true, true, true}
	}
	for _, kind := range t.DML {
		switch strings.ToLower(kind) {
		case "insert":
			e.dml[0] = true
		case "update":
			e.dml[1] = true
		case "delete":
			e.dml[2] = true
		default:
			return refuse("route.dml_unknown", "Table "+string(e.name)+" has the unknown kind of change "+kind+".", "Use insert, update and delete.")
		}
	}
	return nil
}

// addLanes numbers the partitions that the entry's policy can reach.
func (p *Plan) addLanes(e *entry, topic string, partitions map[string]int) error {
	n := partitions[topic]
	if topic == "" || n <= 0 {
		return refuse("route.topic_unknown", "Table "+string(e.name)+" goes to topic "+quote(topic)+", whose partition count is not known.", "Name a topic for the table or for the whole task, and create it or let the schema phase create it.")
	}
	e.lanes = make([]int, n)
	fixed := 0
	if e.policy == task.PolicyTable {
		fixed = partition(e.name, n)
	}
	for i := range e.lanes {
		e.lanes[i] = -1
		if i == fixed || e.policy == task.PolicyKey {
			e.lanes[i] = p.number(Lane{Topic: topic, Partition: i})
		}
	}
	e.fixed = e.lanes[fixed]
	if e.ddl = e.fixed; p.spec.DDLTopic != "" {
		e.ddl = p.number(Lane{Topic: p.spec.DDLTopic})
	}
	return nil
}

func (p *Plan) number(l Lane) int {
	n, ok := p.numbers[l]
	if !ok {
		n = len(p.lanes)
		p.numbers[l] = n
		p.lanes = append(p.lanes, l)
	}
	return n
}

// Lanes gives the partitions that the task writes to; a lane's number is its place in the list.
func (p *Plan) Lanes() []Lane { return p.lanes }

// Table gives the plan of one version of a selected table.
func (p *Plan) Table(t *cdc.Table) (*Table, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.tables[t]; known != nil {
		return known, nil
	}
	e := p.entry(t.TableID)
	if e == nil {
		return nil, refuse("route.table_not_selected", "Table "+t.TableID.String()+" is not part of the task.", "Select it in a new task.")
	}
	made, err := newTable(e, t)
	if err != nil {
		return nil, err
	}
	p.tables[t] = made
	return made, nil
}

// DDLDest gives the lane and the message key of a DDL record of the table: under the table policy the table's
// partition, else partition 0, or that of the topic for all DDL. The key is shared: do not change it. A table that is not selected has lane -1.
func (p *Plan) DDLDest(id cdc.TableID) (lane int, key []byte) {
	e := p.entry(id)
	if e == nil {
		return -1, nil
	}
	return e.ddl, e.name
}

// Validate checks the spec against the definitions at the source and gives all that is wrong.
func (p *Plan) Validate(tables []*cdc.Table) []error {
	var errs []error
	found := map[cdc.TableID]bool{}
	for _, t := range tables {
		found[t.TableID] = true
		e := p.entry(t.TableID)
		if e == nil {
			continue
		}
		errs = append(errs, e.unknownColumns(t)...)
		if _, err := p.Table(t); err != nil {
			errs = append(errs, err)
		}
	}
	for id := range p.entries {
		if !found[id] {
			errs = append(errs, refuse("route.table_absent", "Table "+id.String()+" is not at the source.", "Check the names of the database and the table."))
		}
	}
	return errs
}

func refuse(code, text, hint string) error {
	return &task.Error{Code: code, Op: "planning routes", Text: text, Hint: hint}
}

func quote(s string) string { return `"` + s + `"` }
