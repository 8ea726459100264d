package task

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
)

// Spec is one migration task as asked for. It is frozen when the task first starts: Rate, Workers,
// SourceThreads, Spool and the secrets are all that may differ later.
type Spec struct {
	Name   string `yaml:"name" json:"name"`
	Source Source `yaml:"source" json:"source"`
	Target Target `yaml:"target" json:"target"`
	// Phases: any combination of the three.
	Schema      bool  `yaml:"schema" json:"schema"`
	Full        bool  `yaml:"full" json:"full"`
	Incremental bool  `yaml:"incremental" json:"incremental"`
	From        *From `yaml:"from,omitempty" json:"from,omitempty"` // incremental alone: where to start; nil is now
	// Tables selected, in the order given.
	Tables []Table `yaml:"tables" json:"tables"`
	// New are tables that are to be created while the task runs: those of a database whose name fits a pattern are
	// followed from their first row.
	New []Table `yaml:"new_tables,omitempty" json:"new_tables,omitempty"`
	// OnlineDDL says how changes by gh-ost and pt-online-schema-change are told: "" as the statements that these tools run,
	// "hide" as the one ALTER TABLE that they were asked for.
	OnlineDDL string `yaml:"online_ddl,omitempty" json:"online_ddl,omitempty"`

	Format Format `yaml:"format,omitempty" json:"format,omitempty"` // of the messages; empty is DTSAvro
	// DDLTopic is where all DDL goes, to partition 0; empty: to the topic of its table.
	DDLTopic string `yaml:"ddl_topic,omitempty" json:"ddl_topic,omitempty"`
	// DeadLetterTopic is where the keys of rows go that are too large for their topic, to partition 0; empty: such a row
	// stops the task.
	DeadLetterTopic string `yaml:"dead_letter_topic,omitempty" json:"dead_letter_topic,omitempty"`
	// Policy of partitions for tables that do not say otherwise.
	Policy  Policy `yaml:"policy" json:"policy"`
	Rate    int    `yaml:"rate,omitempty" json:"rate,omitempty"`       // rows/s of the incremental phase; 0 is unlimited
	Workers int    `yaml:"workers,omitempty" json:"workers,omitempty"` // chunks read at once; 0 is the default
	// SourceThreads is how many threads may run at the source before the full copy reads one chunk at a time; 0 is the
	// default, NoThreads no limit.
	SourceThreads int  `yaml:"source_threads,omitempty" json:"source_threads,omitempty"`
	Spool         *int `yaml:"spool,omitempty" json:"spool,omitempty"` // MiB of binlog kept on local disk; nil is the default, 0 none
}

// HideOnlineDDL is the value of Spec.OnlineDDL that hides the tables of online schema tools.
const HideOnlineDDL = "hide"

// Format is how messages are written.
type Format string

// Formats of messages.
const (
	DTSAvro   Format = "dts-avro"
	CanalJSON Format = "canal-json"
)

// Policy is how a record finds its partition (DTS's three, and chosen columns).
type Policy string

// Partition policies.
const (
	PolicyZero  Policy = "zero"  // everything to partition 0
	PolicyTable Policy = "table" // by the hash of db.table
	PolicyKey   Policy = "key"   // by the hash of the primary key, or of Table.PartitionKey
)

// Source is a MySQL or MariaDB server.
type Source struct {
	Host     string `yaml:"host" json:"host"`
	Port     int    `yaml:"port" json:"port"`
	User     string `yaml:"user" json:"user"`
	Password Secret `yaml:"password" json:"-"`
	TLS      TLS    `yaml:"tls" json:"tls"`
	// RowLock allows the full copy to lock single rows in share mode, each for one statement, where the source has no
	// GTID and so does not say what a snapshot shows.
	RowLock bool `yaml:"row_lock,omitempty" json:"row_lock,omitempty"`
}

// Target is a Kafka cluster and where tables go in it.
type Target struct {
	Brokers  []string `yaml:"brokers" json:"brokers"`
	User     string   `yaml:"user,omitempty" json:"user,omitempty"` // empty: no sign-in
	Password Secret   `yaml:"password,omitempty" json:"-"`
	// Mechanism: "SCRAM-SHA-256" (default with a user), "SCRAM-SHA-512" or "PLAIN".
	Mechanism string `yaml:"mechanism,omitempty" json:"mechanism,omitempty"`
	TLS       TLS    `yaml:"tls" json:"tls"`
	Topic     string `yaml:"topic" json:"topic"` // for every table that names none
	// Partitions and Replication of topics that are missing and will be created; 0 is 1.
	Partitions  int `yaml:"partitions,omitempty" json:"partitions,omitempty"`
	Replication int `yaml:"replication,omitempty" json:"replication,omitempty"`
	// Compression of batches: none, gzip, snappy, lz4, zstd.
	Compression string `yaml:"compression,omitempty" json:"compression,omitempty"`
}

// TLS of a connection. Mode: "" or "off", "require" (encrypted, certificate not checked), "ca" (chain checked),
// "full" (chain and host name checked).
type TLS struct {
	Mode   string `yaml:"mode,omitempty" json:"mode,omitempty"`
	CAFile string `yaml:"ca_file,omitempty" json:"ca_file,omitempty"`
	CA     string `yaml:"ca,omitempty" json:"ca,omitempty"` // the certificates themselves (PEM), instead of a file
}

// Table is one selected table and how it is mapped.
type Table struct {
	Schema string `yaml:"schema" json:"schema"`
	Name   string `yaml:"name" json:"name"`
	// ToSchema and ToName rename the table in the records; empty keeps the source's name.
	ToSchema string `yaml:"to_schema,omitempty" json:"to_schema,omitempty"`
	ToName   string `yaml:"to_name,omitempty" json:"to_name,omitempty"`
	Topic    string `yaml:"topic,omitempty" json:"topic,omitempty"`
	// Columns that travel (empty: all) or Exclude that do not; not both.
	Columns []string `yaml:"columns,omitempty" json:"columns,omitempty"`
	Exclude []string `yaml:"exclude,omitempty" json:"exclude,omitempty"`
	// Rename maps a column's name at the source to its name in the records.
	Rename map[string]string `yaml:"rename,omitempty" json:"rename,omitempty"`
	Where  string            `yaml:"where,omitempty" json:"where,omitempty"` // SQL, acts on the full copy
	// FilterChanges lets Where act on changes too; what it may hold is then limited, see engine/filter.
	FilterChanges bool     `yaml:"filter_changes,omitempty" json:"filter_changes,omitempty"`
	Policy        Policy   `yaml:"policy,omitempty" json:"policy,omitempty"`
	PartitionKey  []string `yaml:"partition_key,omitempty" json:"partition_key,omitempty"`
	// DML kinds sent: any of insert, update, delete; empty is all. NoDDL leaves DDL records out.
	DML   []string `yaml:"dml,omitempty" json:"dml,omitempty"`
	NoDDL bool     `yaml:"no_ddl,omitempty" json:"no_ddl,omitempty"`
}

// TopicOf is where a table's records go.
func (s *Spec) TopicOf(t *Table) string { return cmp.Or(t.Topic, s.Target.Topic) }

// LowerNames is the task on a server that keeps the names of databases and tables in lower case.
func (s *Spec) LowerNames() *Spec {
	lower := *s
	lower.Tables = slices.Clone(s.Tables)
	for i := range lower.Tables {
		t := &lower.Tables[i]
		t.Schema, t.Name = strings.ToLower(t.Schema), strings.ToLower(t.Name)
	}
	lower.New = slices.Clone(s.New)
	for i := range lower.New {
		t := &lower.New[i]
		t.Schema, t.Name = strings.ToLower(t.Schema), strings.ToLower(t.Name)
	}
	return &lower
}

// NewTable is how a table is mapped that was created while the task runs, or nil if no pattern fits its name. The first
// that does counts.
func (s *Spec) NewTable(schema, name string) *Table {
	for i := range s.New {
		if t := s.New[i]; t.Schema == schema && fits(t.Name, name) {
			t.Name = name
			return &t
		}
	}
	return nil
}

// fits compares a name with a pattern, in which * stands for any characters and ? for one.
func fits(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// NoThreads is the value of Spec.SourceThreads that lets the full copy read as fast whatever the source does.
const NoThreads = -1

// Threads is how many threads may run at the source before the full copy spares it.
func (s *Spec) Threads() int { return cmp.Or(s.SourceThreads, DefaultThreads) }

// SpoolMiB is the most that the spool of the binlog takes on local disk; 0 is none.
func (s *Spec) SpoolMiB() int {
	if s.Spool == nil {
		return DefaultSpool
	}
	return *s.Spool
}

// Topics are all that the task writes to, in order, each once.
func (s *Spec) Topics() []string {
	var names []string
	for i := range s.Tables {
		if name := s.TopicOf(&s.Tables[i]); name != "" {
			names = append(names, name)
		}
	}
	for i := range s.New {
		if name := s.TopicOf(&s.New[i]); name != "" {
			names = append(names, name)
		}
	}
	if s.DDLTopic != "" {
		names = append(names, s.DDLTopic)
	}
	if s.DeadLetterTopic != "" {
		names = append(names, s.DeadLetterTopic)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Carries reports whether a column of the source travels.
func (t *Table) Carries(column string) bool {
	is := func(name string) bool { return strings.EqualFold(name, column) }
	if len(t.Columns) > 0 {
		return slices.ContainsFunc(t.Columns, is)
	}
	return !slices.ContainsFunc(t.Exclude, is)
}

// From is where an incremental-only task starts: exactly one of the fields.
type From struct {
	Position string `yaml:"position,omitempty" json:"position,omitempty"` // "mysql-bin.000078:4"
	GTID     string `yaml:"gtid,omitempty" json:"gtid,omitempty"`
	Time     string `yaml:"time,omitempty" json:"time,omitempty"` // RFC 3339
}

// Secret is a password. It prints as stars and marshals as nothing, so that no log, error or page holds it.
type Secret string

func (Secret) String() string               { return "***" }
func (Secret) GoString() string             { return "***" }
func (Secret) LogValue() slog.Value         { return slog.StringValue("***") }
func (Secret) MarshalText() ([]byte, error) { return nil, nil }
func (Secret) MarshalYAML() (any, error)    { return "", nil }
func (s Secret) Reveal() string             { return string(s) }
