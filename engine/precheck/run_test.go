package precheck

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/retention"
	"sluice/engine/task"
)

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
	from := func(start task.From) func(*fake, *task.Spec) {
		return func(_ *fake, p *task.Spec) { p.Full, p.From = false, &start }
	}
	wide := func(s *fake, _ *task.Spec) {
		s.tables[orders] = &cdc.Table{TableID: orders, Columns: []cdc.Column{{Name: "id", Type: cdc.BigInt}, {Name: "text", Type: cdc.LongText}}, Primary: []int{0}}
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
		"MariaDB, newer": {func(s *fake, _ *task.Spec) {
			s.flavor, s.version = cdc.MariaDB, "11.8.9-MariaDB"
			s.vars["gtid_strict_mode"] = "ON"
		}, nil},
		"MariaDB, too new": {func(s *fake, _ *task.Spec) {
			s.flavor, s.version = cdc.MariaDB, "12.1.2-MariaDB"
			s.vars["gtid_strict_mode"] = "ON"
		}, []string{"source.version"}},
		"names in another case": {func(s *fake, spec *task.Spec) {
			s.vars["lower_case_table_names"] = "1"
			spec.Tables[0].Schema, spec.Tables[0].Name = strings.ToUpper(spec.Tables[0].Schema), strings.ToUpper(spec.Tables[0].Name)
		}, nil},
		"names in another case, kept": {func(s *fake, spec *task.Spec) {
			s.vars["lower_case_table_names"] = "0"
			spec.Tables[0].Name = strings.ToUpper(spec.Tables[0].Name)
		}, []string{"objects.exist"}},
		"old":        {func(s *fake, _ *task.Spec) { s.version = "5.7.44" }, []string{"source.version"}},
		"near":       {func(s *fake, _ *task.Spec) { s.version = "8.4.1" }, []string{"!source.version"}},
		"no binlog":  {set("log_bin", "OFF"), []string{"source.binlog_on"}},
		"statements": {set("binlog_format", "MIXED"), []string{"source.binlog_format"}},
		"half rows":  {set("binlog_row_image", "MINIMAL"), []string{"source.row_image"}},
		"no names":   {set("binlog_row_metadata", "MINIMAL"), []string{"!source.row_metadata"}},
		"no GTID":    {set("gtid_mode", "OFF_PERMISSIVE"), []string{"!source.gtid"}},
		"no GTID, row lock": {func(s *fake, spec *task.Spec) {
			s.vars["gtid_mode"], s.vars["binlog_order_commits"], spec.Source.RowLock = "OFF", "ON", true
		}, nil},
		"no GTID, row lock, no order": {func(s *fake, spec *task.Spec) {
			s.vars["gtid_mode"], s.vars["binlog_order_commits"], spec.Source.RowLock = "OFF", "OFF", true
		}, []string{"!source.gtid"}},
		"no GTID, no full copy": {func(s *fake, spec *task.Spec) {
			s.vars["gtid_mode"], spec.Full = "ON_PERMISSIVE", false
		}, nil},
		"server 0":           {set("server_id", "0"), []string{"source.server_id"}},
		"prepared":           {func(s *fake, _ *task.Spec) { s.prepared = []string{"X'67',X'62',7"} }, []string{"!source.xa_prepared"}},
		"prepared, not told": {func(s *fake, _ *task.Spec) { s.preparedUnseen = true }, nil},
		"not durable":        {set("sync_binlog", "0"), []string{"!source.durability"}},
		"absent":             {func(s *fake, _ *task.Spec) { s.listed = nil }, []string{"objects.exist"}},
		"view":               {func(s *fake, _ *task.Spec) { s.listed[0].View = true }, []string{"objects.tables_only"}},
		"MyISAM":             {func(s *fake, _ *task.Spec) { s.listed[0].Engine = "MyISAM" }, []string{"!objects.engine"}},
		"FEDERATED":          {func(s *fake, _ *task.Spec) { s.listed[0].Engine = "FEDERATED" }, []string{"objects.engine"}},
		"no key": {func(s *fake, _ *task.Spec) {
			s.tables[orders] = &cdc.Table{TableID: orders, Columns: []cdc.Column{{Type: cdc.Int}}}
		}, []string{"!objects.key"}},
		"text key": {column(cdc.Column{Name: "k", Type: cdc.VarChar}), []string{"?objects.key_type"}},
		"geometry": {func(s *fake, _ *task.Spec) {
			s.tables[orders] = &cdc.Table{TableID: orders, Columns: []cdc.Column{{Name: "id", Type: cdc.BigInt}, {Name: "g"}}, Primary: []int{0}}
		}, []string{"objects.types"}},
		"generated columns of MariaDB 11.8": {func(s *fake, p *task.Spec) { generatedOn(s, "11.8.9-MariaDB-log") }, []string{"!objects.generated"}},
		"generated columns of a later one":  {func(s *fake, p *task.Spec) { generatedOn(s, "11.10.2-MariaDB") }, []string{"!source.version", "!objects.generated"}},
		"generated columns before":          {func(s *fake, p *task.Spec) { generatedOn(s, "11.4.5-MariaDB") }, nil},
		"generated columns of MySQL": {func(s *fake, p *task.Spec) {
			generatedOn(s, "")
			s.flavor, s.version, s.vars["gtid_mode"] = cdc.MySQL, "8.0.33", "ON"
		}, nil},
		"generated columns, nothing followed": {func(s *fake, p *task.Spec) { generatedOn(s, "11.8.9-MariaDB"); p.Incremental = false }, nil},
		"generated columns left out":          {func(s *fake, p *task.Spec) { generatedOn(s, "11.8.9-MariaDB"); p.Tables[0].Exclude = []string{"G"} }, nil},
		"generated columns left out that choose": {func(s *fake, p *task.Spec) {
			generatedOn(s, "11.8.9-MariaDB")
			p.Tables[0].Exclude, p.Tables[0].PartitionKey = []string{"G"}, []string{"G"}
		}, []string{"!objects.generated"}},
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
		"mapping":                            {func(_ *fake, p *task.Spec) { p.Tables[0].ToName = "bad" }, []string{"objects.mapping"}},
		"topic to create":                    {func(s *fake, p *task.Spec) { s.topics = nil; p.Target.Replication = 2 }, nil},
		"topic to create, one replica":       {func(s *fake, _ *task.Spec) { s.topics = nil }, []string{"!target.safety"}},
		"topic to create, too many replicas": {func(s *fake, p *task.Spec) { s.topics = nil; p.Target.Replication = 3 }, []string{"target.topics"}},
		"topic absent":                       {func(s *fake, p *task.Spec) { s.topics = nil; p.Schema = false }, []string{"target.topics"}},
		"privileges":                         {func(s *fake, _ *task.Spec) { s.lacks = []Lack{{"SELECT", "`shop`.`orders`"}} }, []string{"source.privileges"}},
		"silent replica":                     {func(s *fake, _ *task.Spec) { s.replication.Sources = 1; s.vars["log_replica_updates"] = "OFF" }, []string{"source.primary"}},
		"logging replica":                    {func(s *fake, _ *task.Spec) { s.replication.Sources = 1 }, nil},
		"replication unreadable, writable":   {func(s *fake, _ *task.Spec) { s.replication = nil; s.vars["log_replica_updates"] = "OFF" }, nil},
		"replication unreadable, read-only": {func(s *fake, _ *task.Spec) {
			s.replication = nil
			s.vars["log_replica_updates"], s.vars["read_only"] = "OFF", "NO_LOCK"
		}, []string{"!source.primary"}},
		"read-only, replicates nothing": {func(s *fake, _ *task.Spec) {
			s.vars["log_replica_updates"], s.vars["read_only"] = "OFF", "ON"
		}, nil},
		"one replica in sync is enough": {topic(func(x *Topic) { x.MinInsync = 1 }), []string{"!target.safety"}},
		"the oldest of the range":       {func(s *fake, _ *task.Spec) { s.kafkaVersion = "3.9" }, nil},
		"one topic of two; the fake mapping takes one table": {func(s *fake, p *task.Spec) {
			p.Schema = false
			p.Tables = append(p.Tables, task.Table{Schema: "shop", Name: "orders", Topic: "absent"})
		}, []string{"target.topics", "objects.mapping"}},
		"many threads":    {func(s *fake, _ *task.Spec) { s.status["Threads_running"] = "31" }, []string{"!source.load"}},
		"30 threads":      {func(s *fake, _ *task.Spec) { s.status["Threads_running"] = "30" }, nil},
		"long statement":  {func(s *fake, _ *task.Spec) { s.long = 1 }, []string{"!source.load"}},
		"late replica":    {func(s *fake, _ *task.Spec) { s.replication = &Replication{Sources: 1, Behind: 11} }, []string{"!source.load"}},
		"stopped replica": {func(s *fake, _ *task.Spec) { s.replication = &Replication{Sources: 1, Stopped: true} }, []string{"!source.load"}},
		"proxy":           {func(s *fake, _ *task.Spec) { s.zone = "SYSTEM" }, []string{"source.time_zone"}},
		"compressed":      {set("binlog_transaction_compression", "ON"), nil},
		"no binlog files": {func(s *fake, _ *task.Spec) { s.binlogs = nil }, []string{"source.binlog_exist"}},
		"start that can't be": {func(s *fake, p *task.Spec) {
			s.locate = &task.Error{Code: "source.binlog_purged", Text: "no such file"}
			from(task.From{Position: "mysql-bin.000006:4"})(s, p)
		}, []string{"source.binlog_exist"}},
		"start that the full copy chooses": {func(s *fake, p *task.Spec) {
			s.locate = errors.New("not to be asked")
			p.From = &task.From{Position: "mysql-bin.000006:4"}
		}, nil},
		"start at a set": {func(s *fake, p *task.Spec) {
			s.vars["gtid_purged"] = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"
			from(task.From{GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"})(s, p)
		}, nil},
		"start before what was purged": {func(s *fake, p *task.Spec) {
			s.vars["gtid_purged"] = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-78"
			from(task.From{GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77"})(s, p)
		}, []string{"source.binlog_exist"}},
		"binlog kept for long enough": {set("binlog_expire_logs_seconds", "360"), nil}, // 1 GiB is 102 s, in minutes 3
		"binlog kept too short":       {set("binlog_expire_logs_seconds", "359"), []string{"!source.retention"}},
		"binlog purged for its size": {func(s *fake, _ *task.Spec) {
			s.vars["max_binlog_total_size"], s.grows = "300000000", 1<<20 // 360 s give 377 MB
		}, []string{"!source.retention"}},
		"binlog with room": {func(s *fake, _ *task.Spec) {
			s.vars["binlog_space_limit"], s.grows = "400000000", 1<<20
			s.begun = time.Now().Add(-30 * time.Second)
			s.binlogs = []retention.File{{Name: "mysql-bin.000001", Bytes: 1000}}
		}, nil},
		"quiet at the moment, busy on average": {func(s *fake, _ *task.Spec) {
			s.vars["max_binlog_total_size"], s.begun, s.binlogs = "300000000", time.Now().Add(-time.Hour), []retention.File{{Name: "mysql-bin.000001", Bytes: 3600 << 20}}
		}, []string{"!source.retention"}},
		"purged by hand": {func(s *fake, _ *task.Spec) { s.begun = time.Now().Add(-5 * time.Minute) }, []string{"!source.retention"}},
		"new server": {func(s *fake, _ *task.Spec) {
			s.begun, s.binlogs = time.Now().Add(-time.Second), []retention.File{{Name: "mysql-bin.000001", Bytes: 1000}}
		}, nil},
		"server id taken": {func(s *fake, _ *task.Spec) { s.replicas = []Registered{{7, "b"}, {3_000_000_000, "a"}} }, []string{"?source.server_id_clash"}},
		"other replicas":  {func(s *fake, _ *task.Spec) { s.replicas = []Registered{{7, "b"}} }, nil},
		"a session that logs statements": {func(s *fake, _ *task.Spec) {
			s.sessions = map[string][]OpenSession{"binlog_format": {{9, "app", "10.0.0.7", "STATEMENT"}}}
		}, []string{"!source.binlog_format"}},
		"a session that logs half rows": {func(s *fake, _ *task.Spec) {
			s.sessions = map[string][]OpenSession{"binlog_row_image": {{9, "app", "10.0.0.7", "MINIMAL"}}}
		}, []string{"!source.row_image"}},
		"topic that may not be created": {func(s *fake, p *task.Spec) {
			s.topics, p.Target.Replication, s.creates = nil, 2, &task.Error{Code: "target.topic_denied", Text: "no", Hint: "kafka-acls.sh"}
		}, []string{"target.topics"}},
		"topic that is too small": {topic(func(x *Topic) { x.RetentionBytes = 1 << 20 }), []string{"?target.disk_estimate"}},
		"binlog that the spool keeps longer": {func(s *fake, _ *task.Spec) {
			s.vars["binlog_expire_logs_seconds"], s.grows, s.free = "3600", 1<<10, 20<<30
			s.begun, s.binlogs = time.Now().Add(-time.Hour), []retention.File{{Name: "mysql-bin.000001", Bytes: 1000}}
			s.listed[0].Bytes = 1 << 40
		}, nil},
		"binlog that outgrows the spool": {func(s *fake, _ *task.Spec) {
			s.vars["binlog_expire_logs_seconds"], s.grows, s.free = "3600", 1<<20, 20<<30
			s.begun, s.binlogs = time.Now().Add(-time.Hour), []retention.File{{Name: "mysql-bin.000001", Bytes: 1000}}
			s.listed[0].Bytes = 1 << 40
		}, []string{"!source.retention"}},
		"binlog that the disk has no room for": {func(s *fake, _ *task.Spec) {
			s.vars["binlog_expire_logs_seconds"], s.grows, s.free = "3600", 20<<10, 2<<30
			s.begun, s.binlogs = time.Now().Add(-time.Hour), []retention.File{{Name: "mysql-bin.000001", Bytes: 1000}}
			s.listed[0].Bytes = 1 << 40
		}, []string{"!source.retention"}},
		"binlog kept for days": {func(s *fake, p *task.Spec) {
			p.Spool = new(int)
			delete(s.vars, "binlog_expire_logs_seconds")
			s.vars["expire_logs_days"] = "1"
			s.listed[0].Bytes = 1 << 40
		}, []string{"!source.retention"}},
		"binlog kept for ever": {func(s *fake, _ *task.Spec) {
			s.vars["binlog_expire_logs_seconds"], s.binlogs = "0", []retention.File{{Name: "mysql-bin.000001", Bytes: 1000}}
			s.listed[0].Bytes = 1 << 50
		}, nil},
		"binlog not purged by itself": {func(s *fake, _ *task.Spec) {
			s.vars["binlog_expire_logs_seconds"], s.vars["binlog_expire_logs_auto_purge"] = "1", "OFF"
		}, nil},
		"nothing is followed": {func(s *fake, p *task.Spec) {
			p.Incremental = false
			s.vars["binlog_expire_logs_seconds"] = "1"
			s.binlogs = nil
		}, nil},
		"database not logged": {func(s *fake, _ *task.Spec) { s.do = []string{"other"} }, []string{"source.filters"}},
		"database ignored":    {func(s *fake, _ *task.Spec) { s.ignore = []string{"shop"} }, []string{"source.filters"}},
		"database of new tables ignored": {func(s *fake, p *task.Spec) {
			s.ignore, p.New = []string{"logs"}, []task.Table{{Schema: "logs", Name: "*"}}
		}, []string{"source.filters"}},
		"other database ignored":              {func(s *fake, _ *task.Spec) { s.do, s.ignore = []string{"shop"}, []string{"other"} }, nil},
		"large rows":                          {func(s *fake, p *task.Spec) { wide(s, p); s.widest = 520 << 10 }, []string{"!objects.max_row"}},
		"rows that fit":                       {func(s *fake, p *task.Spec) { wide(s, p); s.widest = 511 << 10 }, nil},
		"large rows without the large column": {func(s *fake, p *task.Spec) { wide(s, p); s.widest = 1 << 30; p.Tables[0].Exclude = []string{"text"} }, nil},
		"dead letters":                        {func(s *fake, p *task.Spec) { buried(s, p) }, nil},
		"dead letters, limits not told": {func(s *fake, p *task.Spec) {
			buried(s, p)
			topic(func(x *Topic) { x.MaxMessage, x.Cleanup = 0, "" })(s, p)
		}, []string{"!target.limits"}},
		"dead letters, their own limit not told": {func(s *fake, p *task.Spec) {
			buried(s, p)
			x := s.topics["dead"]
			x.MaxMessage, s.topics["dead"] = 0, x
		}, nil},
		"no dead letters, limits not told": {topic(func(x *Topic) { x.MaxMessage, x.Cleanup = 0, "" }), nil},
		"listener": {func(s *fake, _ *task.Spec) {
			s.unreachable = map[string]error{"k2:9092": &task.Error{Code: "target.timeout", Text: "no answer"}}
		}, []string{"target.listeners"}},
		"another Kafka":                 {func(s *fake, _ *task.Spec) { s.kafkaVersion = "1.0.2" }, []string{"target.version"}},
		"newer Kafka":                   {func(s *fake, _ *task.Spec) { s.kafkaVersion = "4.1" }, []string{"target.version"}},
		"the chosen Kafka":              {func(s *fake, _ *task.Spec) { s.kafkaVersion = "4.0.1" }, nil},
		"newest Kafka":                  {func(s *fake, _ *task.Spec) { s.kafkaVersion, s.from, s.to = "4.4", "4.1", "" }, nil},
		"no idempotent write":           {func(s *fake, _ *task.Spec) { s.idempotent, s.from, s.to = false, "2.1", "2.2" }, []string{"!target.write"}},
		"Kafka 0.10":                    {func(s *fake, _ *task.Spec) { s.idempotent, s.from, s.to = false, "0.10", "0.10" }, []string{"!target.version"}},
		"the chosen Kafka 0.10":         {func(s *fake, _ *task.Spec) { s.kafkaVersion, s.from, s.to = "0.10", "0.10", "0.10" }, []string{"!target.version"}},
		"Kafka 0.10 where 0.11 is said": {func(s *fake, _ *task.Spec) { s.kafkaVersion, s.from, s.to = "0.11", "0.10", "0.10" }, []string{"target.version"}},
		"shared topic":                  {func(s *fake, _ *task.Spec) { s.shared, s.others = true, []string{"task 7"} }, []string{"?target.shared"}},
		"own topic":                     {func(s *fake, _ *task.Spec) { s.shared = true }, nil},
		"short retention":               {topic(func(x *Topic) { x.Retention = time.Minute }), []string{"?target.disk_estimate"}},
		"terms open":                    {func(s *fake, _ *task.Spec) { s.terms = new(string) }, []string{"task.terms"}},
		"terms accepted":                {func(s *fake, _ *task.Spec) { who := "ann"; s.terms = &who }, nil},
		"disk unknown":                  {func(s *fake, _ *task.Spec) { s.freeErr = errors.New("no such folder") }, []string{"task.spool"}},
		"not writable":                  {topic(func(x *Topic) { x.Write = &no }), []string{"target.write"}},
		"rights not told":               {topic(func(x *Topic) { x.Write = nil }), nil},
		"one replica":                   {topic(func(x *Topic) { x.Replication = 1 }), []string{"!target.safety"}},
		"compacted":                     {topic(func(x *Topic) { x.Cleanup = "compact,delete" }), []string{"target.safety"}},
		"unclean":                       {topic(func(x *Topic) { x.Unclean = true }), []string{"!target.safety"}},
		"disk full":                     {func(s *fake, _ *task.Spec) { s.free = 1 << 20 }, []string{"task.spool"}},
		"errors first":                  {func(s *fake, _ *task.Spec) { s.vars["sync_binlog"], s.vars["binlog_format"], s.free = "0", "MIXED", 0 }, []string{"source.binlog_format", "task.spool", "!source.durability"}},
		"old broker": {func(s *fake, _ *task.Spec) {
			s.sinkErr = &task.Error{Code: "target.version_unsupported", Text: "too old"}
		}, []string{"target.version"}},
		"wrong password": {func(s *fake, _ *task.Spec) { s.openErr = &task.Error{Code: "source.access_denied", Text: "refused"} }, []string{"source.connect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items := runs(t, usual(tt.change), nil)
			var failed []string
			for _, i := range items {
				for _, sentence := range []string{i.Observed, i.Expected, i.Cause, i.Fix} {
					if strings.Contains(sentence, "{{") {
						t.Errorf("%s: %q is not filled by %v", i.Code, sentence, i.Params)
					}
				}
				if i.Status == Skipped && len(tt.failed) == 0 && i.Code != "skipped.no_topic" && i.Code != "xa_prepared.unseen" || i.Observed == "" || i.Expected == "" || i.Code == "" {
					t.Errorf("%+v says too little", i)
				}
				if i.Status != Failed {
					continue
				}
				failed = append(failed, map[Severity]string{Error: "", Warning: "!", Info: "?"}[i.Severity]+i.ID)
				if i.Cause == "" || i.Fix == "" && i.Code != "error" {
					t.Errorf("%+v tells not why, or not what to do", i)
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

// buried gives the task a topic of dead letters.
func buried(s *fake, p *task.Spec) {
	p.DeadLetterTopic, p.DDLTopic = "dead", "ddl"
	s.topics["dead"], s.topics["ddl"] = s.topics["shop"], s.topics["shop"]
}

// generatedOn makes the server a MariaDB of which a table has a generated column.
func generatedOn(s *fake, version string) {
	s.flavor, s.version, s.vars["gtid_strict_mode"] = cdc.MariaDB, version, "ON"
	s.tables[orders] = &cdc.Table{TableID: orders, Columns: []cdc.Column{{Name: "id", Type: cdc.BigInt}, {Name: "g", Type: cdc.Int, Generated: true}}, Primary: []int{0}}
}

// runs does the checks of a fake that prepare makes, in a time of their own: they wait to see the binlog grow.
func runs(t *testing.T, prepare func() (*fake, *task.Spec), report func([]Item), only ...string) (items []Item) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, spec := prepare()
		var err error
		if items, err = Run(t.Context(), s.deps(spec), report, only...); err != nil {
			t.Fatal(err)
		}
	})
	return items
}

// usual prepares a fake with the specification that the others begin with.
func usual(change func(*fake, *task.Spec)) func() (*fake, *task.Spec) {
	return func() (*fake, *task.Spec) {
		s, spec := healthy(), newFacts(func(*fake) {}).Spec
		change(s, spec)
		return s, spec
	}
}

// A check that is cut short has found nothing.
func TestRunIsCancelledDuringACheck(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	d := healthy().deps(newFacts(func(*fake) {}).Spec)
	d.Free = func() (uint64, error) {
		cancel(stop)
		return 0, ctx.Err()
	}
	var last []Item
	if items, err := Run(ctx, d, func(all []Item) { last = all }, "task.spool"); !errors.Is(err, stop) || items != nil {
		t.Error(items, err)
	}
	if len(last) != 1 || last[0].Status != Running {
		t.Errorf("%+v", last)
	}
}

func TestRunIsCancelled(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := Run(ctx, healthy().deps(newFacts(func(*fake) {}).Spec), nil); !errors.Is(err, stop) {
		t.Error(err)
	}
}
