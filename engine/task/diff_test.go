package task

import (
	"slices"
	"testing"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Spec)
		want   []string
	}{
		"nothing":  {func(*Spec) {}, nil},
		"free":     {func(s *Spec) { s.Rate, s.Workers = 9, 9 }, nil},
		"secrets":  {func(s *Spec) { s.Source.Password, s.Target.Password = "x", "" }, nil},
		"ca files": {func(s *Spec) { s.Source.TLS.CAFile, s.Target.TLS.CAFile = "x", "y" }, nil},
		"ca texts": {func(s *Spec) { s.Source.TLS.CA, s.Target.TLS.CA = "x", "y" }, nil},
		"plain":    {func(s *Spec) { s.Source.Port = 3307 }, []string{"source.port: 3306 -> 3307"}},
		"phase":    {func(s *Spec) { s.Full = false }, []string{"full: true -> false"}},
		"list":     {func(s *Spec) { s.Target.Brokers = nil }, []string{`target.brokers: ["k:9092"] -> (none)`}},
		"several": {func(s *Spec) { s.Policy, s.Source.TLS.Mode = PolicyZero, "full" },
			[]string{`policy: "key" -> "zero"`, `source.tls.mode: "off" -> "full"`}},
		"from":       {func(s *Spec) { s.From = &From{GTID: "g"} }, []string{`from: (none) -> {"gtid":"g"}`}},
		"in a table": {func(s *Spec) { s.Tables[1].Rename = map[string]string{"a": "b"} }, []string{`tables.d.b.rename: (none) -> {"a":"b"}`}},
		"table gone": {func(s *Spec) { s.Tables = s.Tables[:1] }, []string{`tables.d.b: {"name":"b","schema":"d"} -> (none)`}},
		"format":     {func(s *Spec) { s.Format = CanalJSON }, []string{`format: "dts-avro" -> "canal-json"`}},
		"default":    {func(s *Spec) { s.Format = DTSAvro }, nil},
		"order":      {func(s *Spec) { slices.Reverse(s.Tables) }, []string{"tables: d.a, d.b -> d.b, d.a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := valid(), valid()
			tt.change(&b)
			if got := Diff(a, b); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if (Diff(b, a) == nil) != (tt.want == nil) {
				t.Errorf("the other way round it differs otherwise: %q", Diff(b, a))
			}
		})
	}
}

// valid is a specification without a problem.
func valid() Spec {
	s := Spec{Name: "n", Source: Source{Host: "h", User: "u"}, Target: Target{Brokers: []string{"k"}, Topic: "t"},
		Schema: true, Full: true, Incremental: true, Tables: []Table{{Schema: "d", Name: "a"}, {Schema: "d", Name: "b"}}}
	s.Defaults()
	return s
}
