package main

import (
	"context"
	"sync"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/kafka"
	"sluice/engine/mysql"
	"sluice/engine/precheck"
	"sluice/engine/retention"
	"sluice/engine/route"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// probeTimeout is how long one request of a precheck may take: a person waits for it.
const probeTimeout = 10 * time.Second

// asker answers the questions of the precheck with the rooms that speak to servers.
type asker struct {
	spec *task.Spec
	data string
	// What a person said beyond the specification; see precheck.Deps.
	kafkaVersion string
	terms        *string
	sharing      func(ctx context.Context, topics []string) ([]string, error)

	mu     sync.Mutex
	opened []interface{ Close() error }
}

func (a *asker) deps() *precheck.Deps {
	return &precheck.Deps{
		Spec: a.spec, KafkaVersion: a.kafkaVersion, Terms: a.terms,
		OpenSource: a.openSource,
		OpenTarget: a.openTarget,
		Supports:   formatOf(a.spec.Format).supports,
		Comparable: snapshot.Comparable,
		Mapping: func(spec *task.Spec, partitions map[string]int, tables []*cdc.Table) []error {
			plan, err := route.New(spec, partitions)
			if err != nil {
				return []error{err}
			}
			return plan.Validate(tables)
		},
		Sharing: a.sharing,
		Free:    func() (uint64, error) { return freeDisk(a.data) },
	}
}

// close ends all connections that were opened.
func (a *asker) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.opened {
		c.Close()
	}
	a.opened = nil
}

func (a *asker) keep(c interface{ Close() error }) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opened = append(a.opened, c)
}

func (a *asker) openSource(ctx context.Context, t *precheck.Trace) (precheck.Source, error) {
	s, err := mysql.Open(ctx, a.spec.Source, mysql.Options{Unchecked: true, Dialed: t.Dialed, Encrypted: t.Encrypted})
	if err != nil {
		return nil, err
	}
	a.keep(s)
	return askedSource{s}, nil
}

func (a *asker) openTarget(ctx context.Context, target task.Target, t *precheck.Trace) (precheck.Target, error) {
	c, err := kafka.Open(ctx, target, kafka.WithTimeout(probeTimeout), kafka.WithTrace(t.Dialed, t.Encrypted))
	if err != nil {
		return nil, err
	}
	a.keep(c)
	return askedTarget{c}, nil
}

type askedSource struct{ *mysql.Source }

func (s askedSource) Server(ctx context.Context) (cdc.Flavor, string, error) {
	server, err := s.Source.Server(ctx)
	return server.Flavor, server.Version, err
}

func (s askedSource) Privileges(ctx context.Context, tables []cdc.TableID) (string, []precheck.Lack, error) {
	p, err := s.Source.Privileges(ctx)
	if err != nil {
		return "", nil, err
	}
	return p.Account, each(p.Missing(tables), func(l mysql.Lack) precheck.Lack { return precheck.Lack{Privilege: l.Privilege, On: l.On} }), nil
}

func (s askedSource) Tables(ctx context.Context, schema string) ([]precheck.Table, error) {
	list, err := s.Source.Tables(ctx, schema)
	return each(list, func(t mysql.TableInfo) precheck.Table {
		return precheck.Table{TableID: t.TableID, Engine: t.Engine, View: t.View, Rows: t.Rows, Bytes: t.Bytes}
	}), err
}

func (s askedSource) Cascades(ctx context.Context, schema string) ([]precheck.Cascade, error) {
	list, err := s.Source.Cascades(ctx, schema)
	return each(list, func(c mysql.Cascade) precheck.Cascade { return precheck.Cascade(c) }), err
}

func (s askedSource) Explain(ctx context.Context, id cdc.TableID, where string) (tables int, err error) {
	_, tables, err = s.Estimate(ctx, id, where)
	return tables, err
}

func (s askedSource) Binlogs(ctx context.Context) ([]retention.File, error) {
	list, err := s.Source.Files(ctx)
	return each(list, func(f mysql.File) retention.File { return retention.File{Name: f.Name, Bytes: int64(f.Size)} }), err
}

func (s askedSource) Begun(ctx context.Context, file string) (time.Time, error) {
	begun, err := s.Source.Begun(ctx, file)
	return time.Unix(begun, 0), err
}

func (s askedSource) Registered(ctx context.Context) ([]precheck.Registered, bool, error) {
	list, readable, err := s.Source.Registered(ctx)
	return each(list, func(r mysql.Registered) precheck.Registered { return precheck.Registered(r) }), readable, err
}

func (s askedSource) SessionsWithout(ctx context.Context, name, want string) ([]precheck.OpenSession, bool, error) {
	list, readable, err := s.Source.SessionsWithout(ctx, name, want)
	return each(list, func(o mysql.OpenSession) precheck.OpenSession { return precheck.OpenSession(o) }), readable, err
}

func (s askedSource) Locate(ctx context.Context, from task.From) (cdc.GTIDSet, error) {
	at, err := s.Source.Locate(ctx, from)
	return at.Set, err
}

func (s askedSource) Replication(ctx context.Context) (*precheck.Replication, error) {
	r, readable, err := s.Source.Replication(ctx)
	if err != nil || !readable {
		return nil, err
	}
	told := precheck.Replication(r)
	return &told, nil
}

type askedTarget struct{ *kafka.Client }

func (t askedTarget) Brokers(ctx context.Context) ([]precheck.Broker, error) {
	list, err := t.Client.Brokers(ctx)
	return each(list, func(b kafka.Broker) precheck.Broker { return precheck.Broker(b) }), err
}

func (t askedTarget) Idempotent(ctx context.Context) (bool, error) {
	id, err := t.NewProducer(ctx)
	return id != engine.NoProducer, err
}

func (t askedTarget) Topics(ctx context.Context, names []string) (map[string]precheck.Topic, error) {
	rights, err := t.MayWrite(ctx, names)
	if err != nil {
		return nil, err
	}
	out := map[string]precheck.Topic{}
	for _, name := range names {
		found, err := t.Topic(ctx, name)
		if task.Code(err) == "target.topic_absent" {
			continue
		}
		if err != nil {
			return nil, err
		}
		topic := precheck.Topic{Partitions: found.Partitions, Replication: found.Replication}
		if write, ok := rights[name]; ok {
			topic.Write = &write
		}
		if s := found.Settings; s != nil {
			topic.Cleanup, topic.MinInsync, topic.Unclean = s.CleanupPolicy, s.MinInsyncReplicas, s.UncleanLeaderElection
			topic.MaxMessage, topic.Retention = s.MaxMessageBytes, time.Duration(s.RetentionMillis)*time.Millisecond
			topic.RetentionBytes = s.RetentionBytes
		}
		out[name] = topic
	}
	return out, nil
}

func each[T, R any](list []T, turn func(T) R) []R {
	out := make([]R, len(list))
	for i, v := range list {
		out[i] = turn(v)
	}
	return out
}
