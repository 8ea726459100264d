package main

import (
	"context"

	"sluice/engine/cdc"
	"sluice/engine/dts"
	"sluice/engine/kafka"
	"sluice/engine/mysql"
	"sluice/engine/precheck"
	"sluice/engine/route"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// asker answers the questions of the precheck with the rooms that speak to servers.
type asker struct {
	spec   *task.Spec
	data   string
	source *mysql.Source
	target *kafka.Client
}

func (a *asker) deps() *precheck.Deps {
	return &precheck.Deps{
		Spec:       a.spec,
		OpenSource: a.openSource,
		OpenTarget: a.openTarget,
		Supports:   dts.Supports,
		Comparable: snapshot.Comparable,
		Mapping: func(partitions map[string]int, tables []*cdc.Table) []error {
			plan, err := route.New(a.spec, partitions)
			if err != nil {
				return []error{err}
			}
			return plan.Validate(tables)
		},
		Free: func() (uint64, error) { return freeDisk(a.data) },
	}
}

func (a *asker) close() {
	if a.source != nil {
		a.source.Close()
	}
	if a.target != nil {
		a.target.Close()
	}
}

func (a *asker) openSource(ctx context.Context) (precheck.Source, error) {
	s, err := mysql.Open(ctx, a.spec.Source, mysql.Options{Unchecked: true})
	if err != nil {
		return nil, err
	}
	a.source = s
	return askedSource{s}, nil
}

func (a *asker) openTarget(ctx context.Context) (precheck.Target, error) {
	c, err := kafka.Open(ctx, a.spec.Target)
	if err != nil {
		return nil, err
	}
	a.target = c
	return askedTarget{c}, nil
}

type askedSource struct{ *mysql.Source }

func (s askedSource) Server(ctx context.Context) (cdc.Flavor, string, error) {
	server, err := s.Source.Server(ctx)
	return server.Flavor, server.Version, err
}

func (s askedSource) Tables(ctx context.Context, schema string) ([]precheck.Table, error) {
	list, err := s.Source.Tables(ctx, schema)
	out := make([]precheck.Table, len(list))
	for i, t := range list {
		out[i] = precheck.Table{TableID: t.TableID, Engine: t.Engine, View: t.View, Bytes: t.Bytes}
	}
	return out, err
}

func (s askedSource) Cascades(ctx context.Context, schema string) ([]precheck.Cascade, error) {
	list, err := s.Source.Cascades(ctx, schema)
	out := make([]precheck.Cascade, len(list))
	for i, c := range list {
		out[i] = precheck.Cascade(c)
	}
	return out, err
}

type askedTarget struct{ *kafka.Client }

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
		}
		out[name] = topic
	}
	return out, nil
}
