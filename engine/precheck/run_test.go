package precheck

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// fake is a server and a cluster in memory.
type fake struct {
	flavor   cdc.Flavor
	version  string
	vars     map[string]string
	grants   []string
	listed   []Table
	tables   map[cdc.TableID]*cdc.Table
	cascades []Cascade
	explain  func(where string) (int, error)
	topics   map[string]Topic
	openErr  error
	sinkErr  error
	free     uint64
}

var orders = cdc.TableID{Schema: "shop", Name: "orders"}

func healthy() *fake {
	yes := true
	return &fake{flavor: cdc.MySQL, version: "8.0.33",
		vars: map[string]string{"log_bin": "ON", "binlog_format": "ROW", "binlog_row_image": "FULL", "binlog_row_metadata": "FULL",
			"binlog_row_value_options": "", "gtid_mode": "ON", "server_id": "1", "sync_binlog": "1", "innodb_flush_log_at_trx_commit": "1"},
		grants:  []string{"GRANT ALL PRIVILEGES ON *.* TO `sluice`@`%`"},
		listed:  []Table{{TableID: orders, Engine: "InnoDB"}},
		tables:  map[cdc.TableID]*cdc.Table{orders: {TableID: orders, Columns: []cdc.Column{{Name: "id", Type: cdc.BigInt, Declared: "bigint"}}, Primary: []int{0}}},
		explain: func(string) (int, error) { return 1, nil },
		topics:  map[string]Topic{"shop": {Partitions: 3, Replication: 3, Write: &yes, Cleanup: "delete", MinInsync: 2}},
		free:    1 << 40}
}

func (s *fake) Server(context.Context) (cdc.Flavor, string, error) { return s.flavor, s.version, nil }
func (s *fake) Variables(_ context.Context, names ...string) (map[string]string, error) {
	out := map[string]string{}
	for _, n := range names {
		if v, ok := s.vars[n]; ok {
			out[n] = v
		}
	}
	return out, nil
}
func (s *fake) Grants(context.Context) ([]string, error)                        { return s.grants, nil }
func (s *fake) Tables(context.Context, string) ([]Table, error)                 { return s.listed, nil }
func (s *fake) Table(_ context.Context, id cdc.TableID) (*cdc.Table, error)     { return s.tables[id], nil }
func (s *fake) Cascades(context.Context, string) ([]Cascade, error)             { return s.cascades, nil }
func (s *fake) Explain(_ context.Context, _ cdc.TableID, w string) (int, error) { return s.explain(w) }

type fakeTarget struct{ *fake }

func (t fakeTarget) Topics(context.Context, []string) (map[string]Topic, error) { return t.topics, nil }

func (s *fake) deps(spec *task.Spec) *Deps {
	return &Deps{Spec: spec,
		OpenSource: func(context.Context) (Source, error) { return s, s.openErr },
		OpenTarget: func(context.Context) (Target, error) { return fakeTarget{s}, s.sinkErr },
		Supports: func(c *cdc.Column) error {
			if c.Type == cdc.Unsupported {
				return errors.New("no")
			}
			return nil
		},
		Comparable: func(c *cdc.Column) bool { return c.Type == cdc.BigInt },
		Mapping: func(counts map[string]int, tables []*cdc.Table) []error {
			if counts["shop"] < 1 || len(tables) != 1 || spec.Tables[0].ToName == "bad" {
				return []error{&task.Error{Code: "route.name_twice", Text: "the name is taken", Hint: "Take another."}}
			}
			return nil
		},
		Free: func() (uint64, error) { return s.free, nil }}
}

// TestRun changes one thing of a healthy whole at a time and expects exactly the named checks to fail.
func TestRun(t *testing.T) {
	t.Parallel()
	no := false
	set := func(name, value string) func(*fake, *task.Spec) {
		return func(s *fake, _ *task.Spec) { s.vars[name] = value }
	}
	column := func(c cdc.Column) func(*fake, *task.Spec) {
		return func(s *fake, _ *task.Spec) {
			s.tables[orders] = &cdc.Table{TableID: orders, Columns: []cdc.Column{c}, Primary: []int{0}}
		}
	}
	topic := func(change func(*Topic)) func(*fake, *task.Spec) {
		return func(s *fake, _ *task.Spec) { x := s.topics["shop"]; change(&x); s.topics["shop"] = x }
	}
	for name, tt := range map[string]struct {
		change func(*fake, *task.Spec)
		failed []string // in order; "!" before a warning, "?" before an info
	}{
		"healthy": {func(*fake, *task.Spec) {}, nil},
		"MariaDB": {func(s *fake, _ *task.Spec) {
			s.flavor, s.version = cdc.MariaDB, "10.11.6-MariaDB"
			delete(s.vars, "gtid_mode")
			s.vars["gtid_strict_mode"] = "ON"
		}, nil},
		"MariaDB, not strict": {func(s *fake, _ *task.Spec) {
			s.flavor, s.version = cdc.MariaDB, "10.11.6-MariaDB"
			s.vars["gtid_strict_mode"] = "OFF"
		}, []string{"!source.gtid_strict"}},
		"old":          {func(s *fake, _ *task.Spec) { s.version = "5.7.44" }, []string{"source.version"}},
		"near":         {func(s *fake, _ *task.Spec) { s.version = "8.4.1" }, []string{"!source.version"}},
		"no binlog":    {set("log_bin", "OFF"), []string{"source.binlog_on"}},
		"statements":   {set("binlog_format", "MIXED"), []string{"source.binlog_format"}},
		"half rows":    {set("binlog_row_image", "MINIMAL"), []string{"source.row_image"}},
		"no names":     {set("binlog_row_metadata", "MINIMAL"), []string{"!source.row_metadata"}},
		"partial JSON": {set("binlog_row_value_options", "PARTIAL_JSON"), []string{"source.row_value_options"}},
		"no GTID":      {set("gtid_mode", "OFF_PERMISSIVE"), []string{"source.gtid"}},
		"server 0":     {set("server_id", "0"), []string{"source.server_id"}},
		"not durable":  {set("sync_binlog", "0"), []string{"!source.durability"}},
		"absent":       {func(s *fake, _ *task.Spec) { s.listed = nil }, []string{"objects.exist"}},
		"view":         {func(s *fake, _ *task.Spec) { s.listed[0].View = true }, []string{"objects.tables_only"}},
		"MyISAM":       {func(s *fake, _ *task.Spec) { s.listed[0].Engine = "MyISAM" }, []string{"!objects.engine"}},
		"FEDERATED":    {func(s *fake, _ *task.Spec) { s.listed[0].Engine = "FEDERATED" }, []string{"objects.engine"}},
		"no key": {func(s *fake, _ *task.Spec) {
			s.tables[orders] = &cdc.Table{TableID: orders, Columns: []cdc.Column{{Type: cdc.Int}}}
		}, []string{"!objects.key"}},
		"text key": {column(cdc.Column{Name: "k", Type: cdc.VarChar}), []string{"?objects.key_type"}},
		"geometry": {func(s *fake, _ *task.Spec) {
			s.tables[orders] = &cdc.Table{TableID: orders, Columns: []cdc.Column{{Name: "id", Type: cdc.BigInt}, {Name: "g"}}, Primary: []int{0}}
		}, []string{"objects.types"}},
		"cascade": {func(s *fake, _ *task.Spec) { s.cascades = []Cascade{{orders, "fk"}} }, []string{"!objects.cascades"}},
		"cascade elsewhere": {func(s *fake, _ *task.Spec) {
			s.cascades = []Cascade{{cdc.TableID{Schema: "shop", Name: "other"}, "fk"}}
		}, nil},
		"filter": {func(s *fake, p *task.Spec) {
			p.Tables[0].Where = "x"
			s.explain = func(string) (int, error) { return 0, errors.New("1054") }
		}, []string{"objects.filter"}},
		"filter with a subquery": {func(s *fake, p *task.Spec) {
			p.Tables[0].Where = "x"
			s.explain = func(string) (int, error) { return 2, nil }
		}, []string{"objects.filter"}},
		"mapping":         {func(_ *fake, p *task.Spec) { p.Tables[0].ToName = "bad" }, []string{"objects.mapping"}},
		"topic to create": {func(s *fake, _ *task.Spec) { s.topics = nil }, nil},
		"topic absent":    {func(s *fake, p *task.Spec) { s.topics = nil; p.Schema = false }, []string{"target.topics"}},
		"not writable":    {topic(func(x *Topic) { x.Write = &no }), []string{"target.write"}},
		"rights not told": {topic(func(x *Topic) { x.Write = nil }), nil},
		"one replica":     {topic(func(x *Topic) { x.Replication = 1 }), []string{"!target.safety"}},
		"compacted":       {topic(func(x *Topic) { x.Cleanup = "compact,delete" }), []string{"target.safety"}},
		"unclean":         {topic(func(x *Topic) { x.Unclean = true }), []string{"!target.safety"}},
		"disk full":       {func(s *fake, _ *task.Spec) { s.free = 1 << 20 }, []string{"task.spool"}},
		"errors first":    {func(s *fake, _ *task.Spec) { s.vars["sync_binlog"], s.vars["gtid_mode"], s.free = "0", "OFF", 0 }, []string{"source.gtid", "task.spool", "!source.durability"}},
		"old broker":      {func(s *fake, _ *task.Spec) { s.sinkErr = &task.Error{Code: "target.version_unsupported"} }, []string{"target.version"}},
		"wrong password":  {func(s *fake, _ *task.Spec) { s.openErr = &task.Error{Code: "source.access_denied", Text: "refused"} }, []string{"source.connect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			spec := newFacts(func(*fake) {}).Spec
			spec.Source.Port = listening(t)
			tt.change(s, spec)
			items, err := Run(t.Context(), s.deps(spec))
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, i := range items {
				if i.Status != Failed {
					continue
				}
				failed = append(failed, map[Severity]string{Error: "", Warning: "!", Info: "?"}[i.Severity]+i.ID)
				if i.Observed == "" && i.Cause == "" || i.Expected == "" {
					t.Errorf("%+v says too little", i)
				}
			}
			if !slices.Equal(failed, tt.failed) {
				t.Errorf("failed %v, want %v", failed, tt.failed)
			}
			if blocks := slices.ContainsFunc(tt.failed, func(id string) bool { return !strings.ContainsAny(id[:1], "!?") }); Blocks(items) != blocks {
				t.Errorf("Blocks is %v", !blocks)
			}
		})
	}
}

// What needs a connection is skipped without one, and said to be.
func TestRunWithoutSource(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.openErr = &task.Error{Code: "source.refused", Text: "nothing listens", Hint: "Start it."}
	spec := newFacts(func(*fake) {}).Spec
	spec.Source.Port = listening(t)
	items, err := Run(t.Context(), s.deps(spec))
	if err != nil {
		t.Fatal(err)
	}
	skipped := 0
	for _, i := range items {
		if i.ID == "source.connect" && (i.Fix != "Start it." || i.Cause != "source.refused" || !strings.Contains(i.Observed, "passed: name")) {
			t.Errorf("%+v", i)
		}
		if i.Status == Skipped {
			skipped++
		}
	}
	if skipped < 15 {
		t.Errorf("%d checks were skipped", skipped)
	}
}

func TestRunIsCancelled(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := Run(ctx, healthy().deps(newFacts(func(*fake) {}).Spec)); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func listening(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}
