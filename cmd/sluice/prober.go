package main

import (
	"context"
	"slices"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/kafka"
	"sluice/engine/mysql"
	"sluice/engine/task"
	"sluice/handlers"
)

// probeWithin bounds one question of a person who waits for a page.
const probeWithin = 30 * time.Second

// prober asks the two sides while a task is put together, with connections of its own for each question.
type prober struct{ reacher }

var _ handlers.Prober = prober{}

// source connects, asks and closes.
func (prober) source(ctx context.Context, spec task.Source, ask func(context.Context, *mysql.Source) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, probeWithin, &task.Error{Code: "source.timeout", Text: "the source did not answer within " + probeWithin.String(),
		Hint: "Try again. If it stays so, look at the load of the server and at the network.", Retry: true})
	defer cancel()
	s, err := mysql.Open(ctx, spec, mysql.Options{Unchecked: true})
	if err == nil {
		defer s.Close()
		err = ask(ctx, s)
	}
	return causeOf(ctx, err)
}

// causeOf says that the time was over, rather than what that did to the connection.
func causeOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		return context.Cause(ctx)
	}
	return err
}

// Topics lists the topics without Kafka's own.
func (prober) Topics(ctx context.Context, target task.Target) ([]handlers.Topic, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, probeWithin, &task.Error{Code: "target.timeout", Text: "the target did not answer within " + probeWithin.String(),
		Hint: "Try again. If it stays so, look at the brokers and at the network.", Retry: true})
	defer cancel()
	c, err := kafka.Open(ctx, target)
	if err != nil {
		return nil, causeOf(ctx, err)
	}
	defer c.Close()
	found, err := c.Topics(ctx)
	if err != nil {
		return nil, causeOf(ctx, err)
	}
	list := make([]handlers.Topic, 0, len(found))
	for _, t := range found {
		if t.Internal {
			continue
		}
		one := handlers.Topic{Name: t.Name, Partitions: t.Partitions, Replication: t.Replication}
		if t.Settings != nil {
			one.Known, one.RetentionMillis, one.Cleanup = true, t.Settings.RetentionMillis, t.Settings.CleanupPolicy
		}
		list = append(list, one)
	}
	return list, nil
}

func (p prober) Databases(ctx context.Context, spec task.Source) (names []string, err error) {
	err = p.source(ctx, spec, func(ctx context.Context, s *mysql.Source) error {
		names, err = s.Schemas(ctx)
		return err
	})
	return names, err
}

func (p prober) Tables(ctx context.Context, spec task.Source, database string) ([]handlers.SourceTable, error) {
	var list []handlers.SourceTable
	err := p.source(ctx, spec, func(ctx context.Context, s *mysql.Source) error {
		found, err := s.Tables(ctx, database)
		for _, t := range found {
			if !t.View {
				list = append(list, handlers.SourceTable{Database: t.Schema, Name: t.Name, Rows: t.Rows, Bytes: t.Bytes})
			}
		}
		return err
	})
	return list, err
}

func (p prober) Columns(ctx context.Context, spec task.Source, database, table string) ([]handlers.SourceColumn, error) {
	var list []handlers.SourceColumn
	err := p.source(ctx, spec, func(ctx context.Context, s *mysql.Source) error {
		t, err := s.Table(ctx, cdc.TableID{Schema: database, Name: table})
		if err != nil {
			return err
		}
		key := t.Key()
		for i, c := range t.Columns {
			list = append(list, handlers.SourceColumn{Name: c.Name, Type: c.Declared, Key: slices.Contains(key, i)})
		}
		return nil
	})
	return list, err
}

func (p prober) Estimate(ctx context.Context, spec task.Source, database, table, where string) (rows int64, tables int, err error) {
	err = p.source(ctx, spec, func(ctx context.Context, s *mysql.Source) error {
		rows, tables, err = s.Estimate(ctx, cdc.TableID{Schema: database, Name: table}, where)
		return err
	})
	return rows, tables, err
}
