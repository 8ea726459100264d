package precheck

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sluice/engine/task"
)

// stood writes the stages as name and first letter of the status.
func stood(r task.Reach) (out []string) {
	for _, s := range r.Stages {
		out = append(out, s.Name+" "+s.Status[:1])
	}
	return out
}

func TestSourceStages(t *testing.T) {
	t.Parallel()
	said := func(code, detail string) error {
		return &task.Error{Code: code, Text: "it failed", Err: errors.New(detail)}
	}
	for name, tt := range map[string]struct {
		tls               string
		dialed, encrypted bool
		err               error
		change            func(*fake)
		want              []string
		code, address     string // of the stage that failed
	}{
		"all":             {dialed: true, want: []string{"dns p", "tcp p", "tls s", "auth p", "version p", "privileges p", "binlog p"}},
		"all over TLS":    {tls: "full", dialed: true, encrypted: true, want: []string{"dns p", "tcp p", "tls p", "auth p", "version p", "privileges p", "binlog p"}},
		"refused":         {err: said("source.refused", "connection refused"), want: []string{"dns p", "tcp f", "tls s", "auth s", "version s", "privileges s", "binlog s"}, code: "error"},
		"certificate":     {tls: "full", dialed: true, err: said("source.tls_untrusted", "x509"), want: []string{"dns p", "tcp p", "tls f", "auth s", "version s", "privileges s", "binlog s"}, code: "error"},
		"CA file":         {tls: "full", err: said("source.tls_ca_file", "no such file"), want: []string{"dns p", "tcp s", "tls f", "auth s", "version s", "privileges s", "binlog s"}, code: "error"},
		"lost during TLS": {tls: "full", dialed: true, err: said("source.connection_lost", "EOF"), want: []string{"dns p", "tcp p", "tls f", "auth s", "version s", "privileges s", "binlog s"}, code: "error"},
		"host not allowed": {tls: "full", dialed: true, err: said("source.host_not_allowed", "ERROR 1130 (HY000): Host '10.0.0.9' is not allowed to connect to this MySQL server"),
			want: []string{"dns p", "tcp p", "tls s", "auth f", "version s", "privileges s", "binlog s"}, code: "connect.host_not_allowed", address: "10.0.0.9"},
		"password": {dialed: true, err: said("source.access_denied", "ERROR 1045 (28000): Access denied for user 'sluice'@'10.0.0.9' (using password: YES)"),
			want: []string{"dns p", "tcp p", "tls s", "auth f", "version s", "privileges s", "binlog s"}, code: "connect.access_denied", address: "10.0.0.9"},
		"old":  {dialed: true, change: func(s *fake) { s.version = "5.7.44" }, want: []string{"dns p", "tcp p", "tls s", "auth p", "version f", "privileges s", "binlog s"}, code: "version.unsupported"},
		"near": {dialed: true, change: func(s *fake) { s.version = "8.4.1" }, want: []string{"dns p", "tcp p", "tls s", "auth p", "version p", "privileges p", "binlog p"}},
		"no privilege": {dialed: true, change: func(s *fake) { s.lacks = []Lack{{"SELECT", "*.*"}} },
			want: []string{"dns p", "tcp p", "tls s", "auth p", "version p", "privileges f", "binlog s"}, code: "privileges.missing"},
		"half rows": {dialed: true, change: func(s *fake) { s.vars["binlog_row_image"] = "MINIMAL" },
			want: []string{"dns p", "tcp p", "tls s", "auth p", "version p", "privileges p", "binlog f"}, code: "variable.binlog_row_image"},
		"no names is but a warning": {dialed: true, change: func(s *fake) { s.vars["binlog_row_metadata"] = "MINIMAL" },
			want: []string{"dns p", "tcp p", "tls s", "auth p", "version p", "privileges p", "binlog p"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			if tt.change != nil {
				tt.change(s)
			}
			d := s.deps(&task.Spec{Source: task.Source{Host: "127.0.0.1", User: "sluice", TLS: task.TLS{Mode: tt.tls}}, Incremental: true})
			d.OpenSource = func(_ context.Context, t *Trace) (Source, error) {
				if tt.dialed {
					t.Dialed(here)
				}
				if tt.encrypted {
					t.Encrypted()
				}
				if tt.err != nil {
					return nil, tt.err
				}
				return s, nil
			}
			r := TestSource(t.Context(), d)
			if got := stood(r); !slices.Equal(got, tt.want) {
				t.Errorf("got %v\nwant %v", got, tt.want)
			}
			if r.Passed() != (tt.code == "") || tt.dialed && r.From.String() != "10.0.0.9" || !tt.dialed && r.From.IsValid() {
				t.Errorf("passed %v, from %v", r.Passed(), r.From)
			}
			for _, s := range r.Stages {
				if s.Text == "" {
					t.Errorf("%+v says nothing", s)
				}
				if s.Status == "failed" && (s.Code != tt.code || s.Params["Address"] != tt.address || tt.err != nil && s.Err == nil) {
					t.Errorf("%+v, want %s and address %q", s, tt.code, tt.address)
				}
			}
		})
	}
}

func TestHostIsUnknown(t *testing.T) {
	t.Parallel()
	d := healthy().deps(&task.Spec{Source: task.Source{Host: "no-such-host.invalid", User: "sluice"}})
	r := TestSource(t.Context(), d)
	if got := stood(r); !slices.Equal(got, []string{"dns f", "tcp s", "tls s", "auth s", "version s", "privileges s"}) {
		t.Error(got)
	}
	if r.Stages[0].Err == nil || r.Stages[0].Err.Code != "source.host_unknown" {
		t.Errorf("%+v", r.Stages[0])
	}
}

func TestTargetStages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*fake)
		want   []string
		code   string
	}{
		"all": {func(*fake) {}, []string{"dns p", "tcp p", "tls s", "auth p", "metadata p", "listener p", "listener p"}, ""},
		"sign-in": {func(s *fake) { s.sinkErr = &task.Error{Code: "target.login_failed", Text: "refused"} },
			[]string{"dns p", "tcp p", "tls s", "auth f", "metadata s", "listener s"}, "error"},
		"too old": {func(s *fake) { s.sinkErr = &task.Error{Code: "target.version_unsupported", Text: "old"} },
			[]string{"dns p", "tcp p", "tls s", "auth p", "metadata f", "listener s"}, "error"},
		"one listener": {func(s *fake) {
			s.unreachable = map[string]error{"k1:9092": &task.Error{Code: "target.timeout", Text: "no answer"}}
		}, []string{"dns p", "tcp p", "tls s", "auth p", "metadata p", "listener f", "listener p"}, "listeners.unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			tt.change(s)
			r := TestTarget(t.Context(), s.deps(&task.Spec{Target: task.Target{Brokers: []string{"127.0.0.1"}}}))
			if got := stood(r); !slices.Equal(got, tt.want) || r.From.String() != "10.0.0.9" {
				t.Errorf("got %v from %v\nwant %v", got, r.From, tt.want)
			}
			for _, s := range r.Stages {
				if s.Status == "failed" && s.Code != tt.code || s.Text == "" || s.Name == "tcp" && s.Of != "127.0.0.1:9092" {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

// Every broker that is given must be there, also where another one answers.
func TestOneOfTwoBrokersIsDown(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.unreachable = map[string]error{"127.0.0.1:9093": &task.Error{Code: "target.refused", Text: "nothing listens"}}
	d := s.deps(newFacts(func(*fake) {}).Spec)
	d.Spec.Target.Brokers = []string{"127.0.0.1", "127.0.0.1:9093", "127.0.0.1:9094"}
	items, err := Run(t.Context(), d, nil, "target.topics")
	if err != nil {
		t.Fatal(err)
	}
	if items[0].ID != "target.connect" || items[0].Status != Failed || items[0].Params["Of"] != "127.0.0.1:9093" || items[1].Status != Passed {
		t.Errorf("%+v", items)
	}
	if n := s.closed.Load(); n != 1 { // the third: the first is the one that is asked
		t.Errorf("%d connections were closed", n)
	}
}
