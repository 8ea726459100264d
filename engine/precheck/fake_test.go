package precheck

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/retention"
	"sluice/engine/task"
)

// fake is a server and a cluster in memory.
type fake struct {
	flavor         cdc.Flavor
	version        string
	vars           map[string]string
	status         map[string]string
	lacks          []Lack
	listed         []Table
	tables         map[cdc.TableID]*cdc.Table
	cascades       []Cascade
	explain        func(where string) (int, error)
	binlogs        []retention.File
	grows          int64 // bytes of the newest file in each second
	begun          time.Time
	hidden         bool // whether the account may not list replicas and sessions
	replicas       []Registered
	sessions       map[string][]OpenSession // by variable
	locate         error
	do, ignore     []string
	replication    *Replication
	long           int
	prepared       []string
	preparedUnseen bool
	zone           string
	widest         int64
	ask            error // of every question to the source
	head           error // of the head of a file of the binlog
	openErr        error

	topics       map[string]Topic
	brokers      []Broker
	unreachable  map[string]error // by the address of the broker
	from, to     string           // versions of Kafka
	idempotent   bool
	sinkErr      error
	askTarget    error
	creates      error // why a topic would not be created
	kafkaVersion string
	closed       atomic.Int32

	free    uint64
	freeErr error
	terms   *string
	others  []string
	shared  bool // whether other tasks are known
}

var (
	orders = cdc.TableID{Schema: "shop", Name: "orders"}
	here   = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 40000}
)

func healthy() *fake {
	yes := true
	return &fake{flavor: cdc.MySQL, version: "8.0.33",
		vars: map[string]string{"log_bin": "ON", "binlog_format": "ROW", "binlog_row_image": "FULL", "binlog_row_metadata": "FULL",
			"gtid_mode": "ON", "server_id": "1", "sync_binlog": "1", "innodb_flush_log_at_trx_commit": "1",
			"log_replica_updates": "ON", "read_only": "OFF", "binlog_transaction_compression": "OFF", "binlog_expire_logs_seconds": "2592000"},
		status:  map[string]string{"Threads_running": "2"},
		listed:  []Table{{TableID: orders, Engine: "InnoDB", Rows: 1000, Bytes: 1 << 30}},
		tables:  map[cdc.TableID]*cdc.Table{orders: {TableID: orders, Columns: []cdc.Column{{Name: "id", Type: cdc.BigInt, Declared: "bigint"}}, Primary: []int{0}}},
		explain: func(string) (int, error) { return 1, nil },
		binlogs: []retention.File{{Name: "mysql-bin.000007", Bytes: 1000}, {Name: "mysql-bin.000008", Bytes: 500}}, begun: time.Now().Add(-60 * 24 * time.Hour),
		replication: &Replication{}, zone: "+00:00",
		topics:  map[string]Topic{"shop": {Partitions: 3, Replication: 3, Write: &yes, Cleanup: "delete", MinInsync: 2, MaxMessage: 1 << 20, Retention: -1, RetentionBytes: -1}},
		brokers: []Broker{{1, "k1:9092"}, {2, "k2:9092"}}, from: "3.9", to: "4.0", idempotent: true,
		free: 1 << 40}
}

func (s *fake) Server(context.Context) (cdc.Flavor, string, error) { return s.flavor, s.version, s.ask }
func (s *fake) Variables(_ context.Context, names ...string) (map[string]string, error) {
	return pick(s.vars, names), s.ask
}

func (s *fake) Status(_ context.Context, names ...string) (map[string]string, error) {
	return pick(s.status, names), s.ask
}

func pick(all map[string]string, names []string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		if v, ok := all[n]; ok {
			out[n] = v
		}
	}
	return out
}
func (s *fake) Privileges(context.Context, []cdc.TableID) (account string, lacks []Lack, err error) {
	return "'sluice'@'%'", s.lacks, s.ask
}
func (s *fake) Tables(context.Context, string) ([]Table, error) { return s.listed, s.ask }
func (s *fake) Definitions(context.Context, []cdc.TableID) (map[cdc.TableID]*cdc.Table, error) {
	return s.tables, s.ask
}
func (s *fake) Cascades(context.Context, string) ([]Cascade, error)             { return s.cascades, s.ask }
func (s *fake) Explain(_ context.Context, _ cdc.TableID, w string) (int, error) { return s.explain(w) }
func (s *fake) Binlogs(context.Context) ([]retention.File, error) {
	files := slices.Clone(s.binlogs)
	if len(files) > 0 && s.grows > 0 {
		files[len(files)-1].Bytes += int64(time.Since(s.begun).Seconds() * float64(s.grows))
	}
	return files, s.ask
}
func (s *fake) Begun(context.Context, string) (time.Time, error) {
	return s.begun, cmp.Or(s.head, s.ask)
}
func (s *fake) ServerID() uint32 { return 3_000_000_000 }
func (s *fake) Registered(context.Context) ([]Registered, bool, error) {
	return s.replicas, !s.hidden, s.ask
}
func (s *fake) SessionsWithout(_ context.Context, name, _ string) ([]OpenSession, bool, error) {
	return s.sessions[name], !s.hidden, s.ask
}
func (s *fake) Locate(_ context.Context, from task.From) (cdc.GTIDSet, error) {
	if s.locate != nil {
		return nil, s.locate
	}
	set, err := cdc.ParseGTIDSet(s.flavor, from.GTID)
	return set, cmp.Or(s.ask, err)
}
func (s *fake) BinlogFilters(context.Context) (do, ignore []string, err error) {
	return s.do, s.ignore, s.ask
}
func (s *fake) Replication(context.Context) (*Replication, error) { return s.replication, s.ask }
func (s *fake) Prepared(context.Context) ([]string, bool, error) {
	return s.prepared, !s.preparedUnseen, s.ask
}

func (s *fake) LongStatements(context.Context, time.Duration) (int, error) { return s.long, s.ask }
func (s *fake) Session(context.Context) (zone, charset string, err error) {
	return s.zone, "utf8mb4", s.ask
}
func (s *fake) Widest(context.Context, cdc.TableID, []string, int) (int64, error) {
	return s.widest, s.ask
}
func (s *fake) Close() error { return nil }

type fakeTarget struct{ *fake }

func (t fakeTarget) Close() error {
	t.closed.Add(1)
	return nil
}

func (t fakeTarget) MayCreate(context.Context, []string, int, int) error {
	return cmp.Or(t.askTarget, t.creates)
}
func (t fakeTarget) Brokers(context.Context) ([]Broker, error) { return t.brokers, t.askTarget }
func (t fakeTarget) Version(context.Context) (from, to string, err error) {
	return t.from, t.to, t.askTarget
}
func (t fakeTarget) Idempotent(context.Context) (bool, error) { return t.idempotent, t.askTarget }
func (t fakeTarget) Topics(context.Context, []string) (map[string]Topic, error) {
	if t.askTarget != nil {
		return nil, t.askTarget
	}
	out := map[string]Topic{}
	maps.Copy(out, t.topics)
	return out, nil
}

func (s *fake) deps(spec *task.Spec) *Deps {
	d := &Deps{Spec: spec, KafkaVersion: s.kafkaVersion, Terms: s.terms,
		OpenSource: func(_ context.Context, t *Trace) (Source, error) {
			t.Dialed(here)
			if s.openErr != nil {
				return nil, s.openErr
			}
			return s, nil
		},
		OpenTarget: func(_ context.Context, at task.Target, t *Trace) (Target, error) {
			t.Dialed(here)
			if err := cmp.Or(s.sinkErr, s.unreachable[at.Brokers[0]]); err != nil {
				return nil, err
			}
			return fakeTarget{s}, nil
		},
		Supports: func(c *cdc.Column) error {
			if c.Type == cdc.Unsupported {
				return errors.New("no")
			}
			return nil
		},
		Comparable: func(c *cdc.Column) bool { return c.Type == cdc.BigInt },
		Mapping: func(_ *task.Spec, counts map[string]int, tables []*cdc.Table) []error {
			if counts["shop"] < 1 || len(tables) != 1 || spec.Tables[0].ToName == "bad" {
				return []error{&task.Error{Code: "route.name_twice", Text: "the name is taken", Hint: "Take another."}, errors.New("odd")}
			}
			return nil
		},
		Free: func() (uint64, error) { return s.free, s.freeErr }}
	if s.shared {
		d.Sharing = func(_ context.Context, topics []string) ([]string, error) {
			if !slices.Equal(topics, []string{"shop"}) {
				return nil, errors.New("the topics are not those of the tables")
			}
			return s.others, nil
		}
	}
	return d
}

// newFacts is what checks see of a healthy MySQL with shop.orders, before change.
func newFacts(change func(*fake)) *facts {
	s := healthy()
	change(s)
	d := s.deps(&task.Spec{Schema: true, Full: true, Incremental: true, Source: task.Source{Host: "127.0.0.1", User: "sluice"},
		Target: task.Target{Brokers: []string{"127.0.0.1:9092"}, Topic: "shop"}, Tables: []task.Table{{Schema: "shop", Name: "orders"}}})
	return &facts{Deps: d, source: s, flavor: s.flavor, version: s.version, listed: map[cdc.TableID]Table{}}
}
