package task

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice/engine/cdc"
)

// Problem is one thing wrong with a specification.
type Problem struct {
	Field string // "tables[2].topic"
	Text  string // "must be ..."
}

// Problems are all things wrong with a specification, in the order of its fields.
type Problems []Problem

func (p Problems) Error() string {
	var b strings.Builder
	for _, one := range p {
		b.WriteString("\n  " + one.Field + ": " + one.Text)
	}
	return b.String()
}

func (p *Problems) add(field, format string, args ...any) {
	*p = append(*p, Problem{field, fmt.Sprintf(format, args...)})
}

// The defaults of a specification.
const (
	DefaultWorkers = 4
	DefaultSpool   = 8192
	DefaultThreads = 30
	mysqlPort      = 3306
	kafkaPort      = "9092"
	maxWorkers     = 64
	minSpool       = 64
	maxSpool       = 1 << 24
)

// Defaults fills in what was left out. It leaves the phases alone.
func (s *Spec) Defaults() {
	s.Source.Port = cmp.Or(s.Source.Port, mysqlPort)
	for i, b := range s.Target.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil && b != "" {
			s.Target.Brokers[i] = net.JoinHostPort(strings.Trim(b, "[]"), kafkaPort)
		}
	}
	if s.Target.User != "" {
		s.Target.Mechanism = cmp.Or(s.Target.Mechanism, "SCRAM-SHA-256")
	}
	s.Target.Partitions = cmp.Or(s.Target.Partitions, 1)
	s.Target.Replication = cmp.Or(s.Target.Replication, 1)
	s.Target.Compression = cmp.Or(s.Target.Compression, "none")
	s.Source.TLS.Mode = cmp.Or(s.Source.TLS.Mode, "off")
	s.Target.TLS.Mode = cmp.Or(s.Target.TLS.Mode, "off")
	s.Policy = cmp.Or(s.Policy, PolicyKey)
	s.Workers = cmp.Or(s.Workers, DefaultWorkers)
}

// Problems checks the values against each other and against what the two sides allow, without asking either.
func (s *Spec) Problems() Problems {
	var p Problems
	checkName(&p, s.Name)
	s.Source.check(&p)
	s.Target.check(&p)
	s.checkPhases(&p)
	if len(s.Tables) == 0 {
		p.add("tables", "must name at least one table")
	}
	seen := map[string]int{}
	for i, t := range s.Tables {
		at := fmt.Sprintf("tables[%d]", i)
		s.checkTable(&p, at, &t)
		id := t.Schema + "." + t.Name
		if first, twice := seen[id]; twice {
			p.add(at, "%s is already tables[%d]", id, first)
		} else {
			seen[id] = i
		}
	}
	if s.Format != "" {
		oneOf(&p, "format", s.Format, DTSAvro, CanalJSON)
	}
	if s.OnlineDDL != "" && s.OnlineDDL != HideOnlineDDL {
		p.add("online_ddl", "must be %s, or left out", HideOnlineDDL)
	}
	for i, t := range s.New {
		s.checkNew(&p, fmt.Sprintf("new_tables[%d]", i), &t)
	}
	checkTopic(&p, "ddl_topic", s.DDLTopic)
	s.checkDeadLetters(&p)
	oneOf(&p, "policy", s.Policy, PolicyZero, PolicyTable, PolicyKey)
	notNegative(&p, "rate", s.Rate)
	if s.Workers < 1 || s.Workers > maxWorkers {
		p.add("workers", "must be between 1 and %d", maxWorkers)
	}
	if s.SourceThreads < NoThreads {
		p.add("source_threads", "must be %d (no limit), or positive", NoThreads)
	}
	if n := s.SpoolMiB(); n != 0 && (n < minSpool || n > maxSpool) {
		p.add("spool", "must be 0, or between %d and %d (MiB)", minSpool, maxSpool)
	}
	return p
}

func checkName(p *Problems, name string) {
	switch {
	case name == "":
		p.add("name", "is missing")
	case utf8.RuneCountInString(name) > 64:
		p.add("name", "must have at most 64 characters")
	case strings.TrimSpace(name) != name, strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		p.add("name", "must not begin or end with a space or hold control characters")
	}
}

func (s *Source) check(p *Problems) {
	present(p, "source.host", s.Host)
	if s.Port < 1 || s.Port > 65535 {
		p.add("source.port", "must be between 1 and 65535")
	}
	present(p, "source.user", s.User)
	s.TLS.check(p, "source.tls")
}

func (t *Target) check(p *Problems) {
	if len(t.Brokers) == 0 {
		p.add("target.brokers", "must name at least one broker")
	}
	for i, b := range t.Brokers {
		host, port, err := net.SplitHostPort(b)
		if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
			p.add(fmt.Sprintf("target.brokers[%d]", i), "must be host or host:port")
		}
	}
	switch {
	case t.User == "" && t.Password != "":
		p.add("target.user", "is missing, but there is a password")
	case t.User != "" && t.Password == "":
		p.add("target.password", "is missing, but there is a user")
	}
	if t.Mechanism != "" {
		oneOf(p, "target.mechanism", t.Mechanism, "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")
		if t.User == "" {
			p.add("target.mechanism", "needs a user")
		}
	}
	t.TLS.check(p, "target.tls")
	checkTopic(p, "target.topic", t.Topic)
	notNegative(p, "target.partitions", t.Partitions)
	notNegative(p, "target.replication", t.Replication)
	oneOf(p, "target.compression", t.Compression, "none", "gzip", "snappy", "lz4", "zstd")
}

func (t *TLS) check(p *Problems, at string) {
	oneOf(p, at+".mode", t.Mode, "off", "require", "ca", "full")
	if t.CAFile != "" && (t.Mode == "off" || t.Mode == "require") {
		p.add(at+".ca_file", "is used by the modes ca and full only")
	}
	switch {
	case t.CA == "":
	case t.Mode == "off" || t.Mode == "require":
		p.add(at+".ca", "is used by the modes ca and full only")
	case t.CAFile != "":
		p.add(at+".ca", "cannot stand beside ca_file")
	case !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)):
		p.add(at+".ca", "holds no certificate in PEM form")
	}
}

func (s *Spec) checkPhases(p *Problems) {
	if !s.Schema && !s.Full && !s.Incremental {
		p.add("schema, full, incremental", "at least one must be true")
	}
	if s.From == nil {
		return
	}
	if s.Schema || s.Full || !s.Incremental {
		p.add("from", "is for tasks of the incremental phase alone")
	}
	given := 0
	for _, v := range []string{s.From.Position, s.From.GTID, s.From.Time} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		p.add("from", "must have exactly one of position, gtid and time")
	}
	s.From.check(p)
}

var position = regexp.MustCompile(`^[^/:\s]+\.[0-9]+:[0-9]+$`)

func (f *From) check(p *Problems) {
	if f.Position != "" && !position.MatchString(f.Position) {
		p.add("from.position", "must be FILE:OFFSET, as in mysql-bin.000078:4")
	}
	if f.GTID != "" {
		_, mysql := cdc.ParseGTIDSet(cdc.MySQL, f.GTID)
		_, maria := cdc.ParseGTIDSet(cdc.MariaDB, f.GTID)
		if mysql != nil && maria != nil {
			p.add("from.gtid", "must be a GTID set of MySQL or a GTID position of MariaDB")
		}
	}
	if f.Time != "" {
		if _, err := time.Parse(time.RFC3339Nano, f.Time); err != nil {
			p.add("from.time", "must be a time with its zone, as in 2025-01-31T12:00:00+08:00")
		}
	}
}

var systemSchemas = []string{"mysql", "information_schema", "performance_schema", "sys"}

// SystemSchema reports whether a database belongs to the server.
func SystemSchema(name string) bool { return slices.Contains(systemSchemas, strings.ToLower(name)) }

func (s *Spec) checkTable(p *Problems, at string, t *Table) {
	present(p, at+".schema", t.Schema)
	present(p, at+".name", t.Name)
	if SystemSchema(t.Schema) {
		p.add(at+".schema", "%s belongs to the server and is not migrated", t.Schema)
	}
	if t.Topic == "" && s.Target.Topic == "" {
		p.add(at+".topic", "is missing: name a topic here or in target.topic")
	}
	checkTopic(p, at+".topic", t.Topic)
	t.checkColumns(p, at)
	if strings.TrimSpace(t.Where) == "" && t.Where != "" {
		p.add(at+".where", "is blank")
	}
	if t.FilterChanges && t.Where == "" {
		p.add(at+".filter_changes", "needs a filter in where")
	}
	if t.FilterChanges && !s.Incremental {
		p.add(at+".filter_changes", "is for the incremental phase, which this task does not have")
	}
	if t.Where != "" && !s.Full && !t.FilterChanges {
		p.add(at+".where", "acts on the full copy, which this task does not have")
	}
	if t.Policy != "" {
		oneOf(p, at+".policy", t.Policy, PolicyZero, PolicyTable, PolicyKey)
	}
	names(p, at+".partition_key", t.PartitionKey)
	if len(t.PartitionKey) > 0 && cmp.Or(t.Policy, s.Policy) != PolicyKey {
		p.add(at+".partition_key", "is used by the policy key only")
	}
	names(p, at+".dml", t.DML)
	for i, kind := range t.DML {
		oneOf(p, fmt.Sprintf("%s.dml[%d]", at, i), kind, "insert", "update", "delete")
	}
}

// checkNew: what names columns needs a table that is there.
func (s *Spec) checkNew(p *Problems, at string, t *Table) {
	s.checkTable(p, at, t)
	if !s.Incremental {
		p.add(at, "acts on the incremental phase, which this task does not have")
	}
	for field, given := range map[string]bool{"to_name": t.ToName != "", "columns": len(t.Columns) > 0, "exclude": len(t.Exclude) > 0,
		"rename": len(t.Rename) > 0, "where": t.Where != "", "partition_key": len(t.PartitionKey) > 0} {
		if given {
			p.add(at+"."+field, "is for a single table")
		}
	}
}

func (t *Table) checkColumns(p *Problems, at string) {
	names(p, at+".columns", t.Columns)
	names(p, at+".exclude", t.Exclude)
	if len(t.Columns) > 0 && len(t.Exclude) > 0 {
		p.add(at+".exclude", "cannot stand beside columns: name what travels or what does not")
	}
	became := map[string]string{}
	for _, from := range slices.Sorted(maps.Keys(t.Rename)) {
		to := t.Rename[from]
		same := func(c string) bool { return strings.EqualFold(c, from) }
		switch {
		case from == "" || to == "":
			p.add(at+".rename", "must not hold an empty name")
		case became[to] != "":
			p.add(at+".rename", "%s and %s cannot both become %s", became[to], from, to)
		case slices.ContainsFunc(t.Exclude, same), len(t.Columns) > 0 && !slices.ContainsFunc(t.Columns, same):
			p.add(at+".rename", "%s does not travel", from)
		}
		became[to] = from
	}
}

// names checks a list of names: none empty, none twice (without case, as the server compares names).
func names(p *Problems, field string, list []string) {
	seen := map[string]bool{}
	for i, name := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch key := strings.ToLower(name); {
		case name == "":
			p.add(at, "is empty")
		case seen[key]:
			p.add(at, "%s is named twice", name)
		default:
			seen[key] = true
		}
	}
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func checkTopic(p *Problems, field, topic string) {
	if topic != "" && (!topicName.MatchString(topic) || topic == "." || topic == "..") {
		p.add(field, "must be 1 to 249 of the characters a-z, A-Z, 0-9, dot, _ and -")
	}
}

// checkDeadLetters wants a topic that nothing else goes to: what stands there is no state of a row.
func (s *Spec) checkDeadLetters(p *Problems) {
	checkTopic(p, "dead_letter_topic", s.DeadLetterTopic)
	rows := *s
	if rows.DeadLetterTopic = ""; slices.Contains(rows.Topics(), s.DeadLetterTopic) {
		p.add("dead_letter_topic", "must be another topic than those of rows and DDL")
	}
}

func present(p *Problems, field, value string) {
	if strings.TrimSpace(value) == "" {
		p.add(field, "is missing")
	}
}

func notNegative(p *Problems, field string, n int) {
	if n < 0 {
		p.add(field, "must not be negative")
	}
}

func oneOf[T ~string](p *Problems, field string, value T, allowed ...T) {
	if slices.Contains(allowed, value) {
		return
	}
	list := make([]string, len(allowed))
	for i, a := range allowed {
		list[i] = string(a)
	}
	p.add(field, "must be %s or %s", strings.Join(list[:len(list)-1], ", "), list[len(list)-1])
}
