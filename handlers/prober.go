package handlers

import (
	"context"

	"sluice/engine/task"
)

// Prober asks the two sides while a task is put together. It changes nothing there; its errors are *task.Error.
type Prober interface {
	// Source and Target try the way to a side, stage by stage.
	Source(ctx context.Context, s task.Source) task.Reach
	Target(ctx context.Context, t task.Target) task.Reach
	Topics(ctx context.Context, t task.Target) ([]Topic, error)
	Databases(ctx context.Context, s task.Source) ([]string, error)
	// Tables lists the tables of a database without its views, by name; those of all databases where none is named.
	Tables(ctx context.Context, s task.Source, database string) ([]SourceTable, error)
	Columns(ctx context.Context, s task.Source, database, table string) ([]SourceColumn, error)
	// Estimate plans a read of the table with the condition: how many rows match, and how many tables it asks.
	Estimate(ctx context.Context, s task.Source, database, table, where string) (rows int64, tables int, err error)
}

// Topic is one of the cluster's that may be written to.
type Topic struct {
	Name                    string
	Partitions, Replication int
	Known                   bool  // whether the broker tells the settings below
	RetentionMillis         int64 // -1 is for ever
	Cleanup                 string
}

// SourceTable is a table that may be selected. Rows and Bytes are the server's estimates.
type SourceTable struct {
	Database, Name string
	Rows, Bytes    int64
}

// SourceColumn is a column of such a table.
type SourceColumn struct {
	Name, Type string
	Key        bool // part of what tells rows apart: it must travel
}
