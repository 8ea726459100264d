package task

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// somePEM is a certificate that signs itself; its key is gone.
const somePEM = `-----BEGIN CERTIFICATE-----
MIIBcjCCARegAwIBAgIUaK7lDKKk6XKWFMVPMq4HvX/tEyswCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI1MDkyMzI3WhgPMjEyNjExMDEwOTIzMjda
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwqC7lfnj
0N7zYILCB6/+6P4Mq8M/zg7l/Qn424yp6h/EuOyPLYafX9Sf2n3MuFRVS8GOt8x6
M9cD/DN2Nn1m3KNTMFEwHQYDVR0OBBYEFG3jFgJpeyhAvHH8Dq8Q8Z6mhWIhMB8G
A1UdIwQYMBaAFG3jFgJpeyhAvHH8Dq8Q8Z6mhWIhMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSQAwRgIhAOWOuWOhpHYqftGT7q6Owx0B2ko17/Uw2fa0Stqz
i5sCAiEAjSgOrsXyovmsrU4GD5tbIa7tj+AKLM4ibZWr2g3RReQ=
-----END CERTIFICATE-----`

func TestProblems(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("名", 65)
	only := func(f From) func(*Spec) {
		return func(s *Spec) { s.Schema, s.Full, s.From = false, false, &f }
	}
	table := func(change func(*Table)) func(*Spec) { return func(s *Spec) { change(&s.Tables[1]) } }
	tests := []struct {
		change func(*Spec)
		want   string // "field: text" in part; empty is no problem
	}{
		{func(*Spec) {}, ""},
		{func(s *Spec) { s.Name = "" }, "name: is missing"},
		{func(s *Spec) { s.Name = long }, "name: must have at most"},
		{func(s *Spec) { s.Name = long[3:] }, ""},
		{func(s *Spec) { s.Name = " a" }, "name: must not begin"},
		{func(s *Spec) { s.Name = "a\nb" }, "name: must not begin"},
		{func(s *Spec) { s.Source.Host = " " }, "source.host: is missing"},
		{func(s *Spec) { s.Source.User = "" }, "source.user: is missing"},
		{func(s *Spec) { s.Source.Port = 65536 }, "source.port: must be between"},
		{func(s *Spec) { s.Source.Port = -1 }, "source.port: must be between"},
		{func(s *Spec) { s.Source.TLS.Mode = "on" }, "source.tls.mode: must be off, require, ca or full"},
		{func(s *Spec) { s.Source.TLS = TLS{Mode: "ca", CAFile: "x"} }, ""},
		{func(s *Spec) { s.Source.TLS = TLS{Mode: "require", CAFile: "x"} }, "source.tls.ca_file: is used by"},
		{func(s *Spec) { s.Source.TLS = TLS{Mode: "full", CA: somePEM} }, ""},
		{func(s *Spec) { s.Source.TLS = TLS{Mode: "off", CA: somePEM} }, "source.tls.ca: is used by"},
		{func(s *Spec) { s.Source.TLS = TLS{Mode: "ca", CA: somePEM, CAFile: "x"} }, "source.tls.ca: cannot stand beside"},
		{func(s *Spec) { s.Target.TLS = TLS{Mode: "ca", CA: "x"} }, "target.tls.ca: holds no certificate"},
		{func(s *Spec) { s.Target.TLS.Mode = "yes" }, "target.tls.mode: must be"},
		{func(s *Spec) { s.Target.Brokers = nil }, "target.brokers: must name"},
		{func(s *Spec) { s.Target.Brokers = []string{"a:1", "[::1]:9092", "b:x"} }, "target.brokers[2]: must be host"},
		{func(s *Spec) { s.Target.Brokers = []string{""} }, "target.brokers[0]: must be host"},
		{func(s *Spec) { s.Target.Brokers = []string{":9092"} }, "target.brokers[0]: must be host"},
		{func(s *Spec) { s.Target.Brokers = []string{"a:0"} }, "target.brokers[0]: must be host"},
		{func(s *Spec) { s.Target.User = "u" }, "target.password: is missing"},
		{func(s *Spec) { s.Target.Password = "p" }, "target.user: is missing"},
		{func(s *Spec) { s.Target.User, s.Target.Password, s.Target.Mechanism = "u", "p", "PLAIN" }, ""},
		{func(s *Spec) { s.Target.User, s.Target.Password, s.Target.Mechanism = "u", "p", "GSSAPI" }, "target.mechanism: must be"},
		{func(s *Spec) { s.Target.Mechanism = "PLAIN" }, "target.mechanism: needs a user"},
		{func(s *Spec) { s.Target.Topic = "a b" }, "target.topic: must be 1 to 249"},
		{func(s *Spec) { s.Target.Topic = ".." }, "target.topic: must be 1 to 249"},
		{func(s *Spec) { s.Target.Topic = strings.Repeat("a", 250) }, "target.topic: must be 1 to 249"},
		{func(s *Spec) { s.Target.Topic = ""; s.Tables[0].Topic = "x" }, "tables[1].topic: is missing"},
		{func(s *Spec) { s.Target.Topic = ""; s.Tables[0].Topic, s.Tables[1].Topic = "x", "x" }, ""},
		{func(s *Spec) { s.Target.Partitions = -1 }, "target.partitions: must not be negative"},
		{func(s *Spec) { s.Target.Replication = -1 }, "target.replication: must not be negative"},
		{func(s *Spec) { s.DDLTopic = "a b" }, "ddl_topic: must be 1 to 249"},
		{func(s *Spec) { s.DeadLetterTopic = "a b" }, "dead_letter_topic: must be 1 to 249"},
		{func(s *Spec) { s.DeadLetterTopic = s.Target.Topic }, "dead_letter_topic: must be another topic"},
		{func(s *Spec) { s.DDLTopic, s.DeadLetterTopic = "d", "d" }, "dead_letter_topic: must be another topic"},
		{func(s *Spec) { s.DeadLetterTopic = "too-large" }, ""},
		{func(s *Spec) { s.Format = "protobuf" }, "format: must be dts-avro or canal-json"},
		{func(s *Spec) { s.Target.Compression = "zip" }, "target.compression: must be"},
		{func(s *Spec) { s.Schema, s.Full, s.Incremental = false, false, false }, "schema, full, incremental: at least one"},
		{func(s *Spec) { s.From = &From{GTID: "0-1-2"} }, "from: is for tasks of the incremental phase alone"},
		{only(From{}), "from: must have exactly one"},
		{only(From{GTID: "0-1-2", Position: "b.000001:4"}), "from: must have exactly one"},
		{only(From{Position: "mysql-bin.000078:4"}), ""},
		{only(From{Position: "mysql-bin.000078"}), "from.position: must be FILE:OFFSET"},
		{only(From{Position: "dir/b.000078:4"}), "from.position: must be FILE:OFFSET"},
		{only(From{GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"}), ""},
		{only(From{GTID: "0-1-5200"}), ""},
		{only(From{GTID: "everything"}), "from.gtid: must be"},
		{only(From{Time: "2025-01-31T12:00:00.5+08:00"}), ""},
		{only(From{Time: "2025-01-31 12:00"}), "from.time: must be a time with its zone"},
		{func(s *Spec) { s.Tables = nil }, "tables: must name at least one"},
		{table(func(t *Table) { t.Schema = "" }), "tables[1].schema: is missing"},
		{table(func(t *Table) { t.Name = "" }), "tables[1].name: is missing"},
		{table(func(t *Table) { t.Name = "a" }), "tables[1]: d.a is already tables[0]"},
		{table(func(t *Table) { t.Schema = "MySQL" }), "tables[1].schema: MySQL belongs to the server"},
		{table(func(t *Table) { t.Topic = "a/b" }), "tables[1].topic: must be 1 to 249"},
		{table(func(t *Table) { t.Columns, t.Exclude = []string{"a"}, []string{"b"} }), "tables[1].exclude: cannot stand beside"},
		{table(func(t *Table) { t.Columns = []string{"a", "A"} }), "tables[1].columns[1]: A is named twice"},
		{table(func(t *Table) { t.Exclude = []string{""} }), "tables[1].exclude[0]: is empty"},
		{table(func(t *Table) { t.Rename = map[string]string{"a": ""} }), "tables[1].rename: must not hold an empty"},
		{table(func(t *Table) { t.Rename = map[string]string{"a": "c", "b": "c"} }), "tables[1].rename: a and b cannot both become c"},
		{table(func(t *Table) { t.Rename, t.Exclude = map[string]string{"a": "c"}, []string{"A"} }), "tables[1].rename: a does not travel"},
		{table(func(t *Table) { t.Rename, t.Columns = map[string]string{"a": "c"}, []string{"b"} }), "tables[1].rename: a does not travel"},
		{table(func(t *Table) { t.Rename, t.Columns = map[string]string{"a": "b", "b": "a"}, []string{"A", "b"} }), ""},
		{table(func(t *Table) { t.Where = "a > 1" }), ""},
		{table(func(t *Table) { t.Where = " \t" }), "tables[1].where: is blank"},
		{func(s *Spec) { s.Full, s.Tables[0].Where, s.Tables[0].FilterChanges = false, "a > 1", true }, ""},
		{table(func(t *Table) { t.FilterChanges = true }), "tables[1].filter_changes: needs a filter"},
		{func(s *Spec) { s.Incremental, s.Tables[0].Where, s.Tables[0].FilterChanges = false, "a > 1", true }, "tables[0].filter_changes: is for the incremental phase"},
		{func(s *Spec) { s.Full, s.Tables[0].Where = false, "a > 1" }, "tables[0].where: acts on the full copy"},
		{table(func(t *Table) { t.Policy = "hash" }), "tables[1].policy: must be zero, table or key"},
		{func(s *Spec) { s.Policy = "random" }, "policy: must be zero, table or key"},
		{table(func(t *Table) { t.PartitionKey = []string{"a", "b"} }), ""},
		{table(func(t *Table) { t.PartitionKey = []string{"a", "a"} }), "tables[1].partition_key[1]: a is named twice"},
		{table(func(t *Table) { t.Policy, t.PartitionKey = PolicyZero, []string{"a"} }), "tables[1].partition_key: is used by"},
		{func(s *Spec) { s.Policy, s.Tables[0].PartitionKey = PolicyTable, []string{"a"} }, "tables[0].partition_key: is used by"},
		{table(func(t *Table) { t.DML = []string{"insert", "update", "delete"} }), ""},
		{table(func(t *Table) { t.DML = []string{"insert", "replace"} }), "tables[1].dml[1]: must be insert, update or delete"},
		{table(func(t *Table) { t.DML = []string{"insert", "insert"} }), "tables[1].dml[1]: insert is named twice"},
		{func(s *Spec) { s.Rate = -1 }, "rate: must not be negative"},
		{func(s *Spec) { s.Workers = -1 }, "workers: must be between 1 and 64"},
		{func(s *Spec) { s.Workers = 65 }, "workers: must be between 1 and 64"},
	}
	for _, tt := range tests {
		s := valid()
		tt.change(&s)
		got := s.Problems()
		if tt.want == "" && got != nil {
			t.Errorf("a good specification has problems:%v", got)
		}
		if tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0].Field+": "+got[0].Text, tt.want)) {
			t.Errorf("want %q alone, got:%v", tt.want, got)
		}
	}
}

func TestAllProblemsAreListedInOrder(t *testing.T) {
	t.Parallel()
	var s Spec
	s.Defaults()
	s.Tables = []Table{{}}
	var fields []string
	for _, p := range s.Problems() {
		fields = append(fields, p.Field)
	}
	want := []string{"name", "source.host", "source.user", "target.brokers", "schema, full, incremental", "tables[0].schema", "tables[0].name", "tables[0].topic"}
	if !slices.Equal(fields, want) {
		t.Errorf("got %q, want %q", fields, want)
	}
}

func TestDefaultsKeepWhatWasGiven(t *testing.T) {
	t.Parallel()
	s := Spec{Source: Source{Port: 1, TLS: TLS{Mode: "ca"}}, Policy: PolicyZero, Workers: 9,
		Target: Target{User: "u", Mechanism: "PLAIN", Partitions: 2, Replication: 3, Compression: "gzip", TLS: TLS{Mode: "full"},
			Brokers: []string{"a", "b:1", "[::1]", "::1", "[::1]:5"}}}
	want := s
	want.Target.Brokers = []string{"a:9092", "b:1", "[::1]:9092", "[::1]:9092", "[::1]:5"}
	for range 2 { // the second changes nothing
		s.Defaults()
		if diff := Diff(s, want); diff != nil || s.Workers != 9 || s.Policy != PolicyZero {
			t.Fatal(diff, s.Workers)
		}
	}
}

func TestProblemsAreFoundInTheError(t *testing.T) {
	t.Parallel()
	err := error(&Error{Code: "x", Err: Problems{{"a", "b"}}})
	var p Problems
	if !errors.As(err, &p) || len(p) != 1 {
		t.Fatal(p)
	}
}
