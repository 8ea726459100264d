package precheck

import (
	"context"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Deps is all that the checks work with.
type Deps struct {
	Spec *task.Spec
	// OpenSource and OpenTarget connect; their errors are *task.Error. The caller closes what they opened.
	OpenSource func(context.Context) (Source, error)
	OpenTarget func(context.Context) (Target, error)
	Supports   func(*cdc.Column) error // why a column can't be carried
	Comparable func(*cdc.Column) bool  // whether a key column's order is known, so that the table can be cut
	// Mapping gives what is wrong with names, topics, columns and partitions.
	Mapping func(partitions map[string]int, tables []*cdc.Table) []error
	Free    func() (uint64, error) // bytes free for the data folder
}

// Source is what the checks ask of the server.
type Source interface {
	Server(context.Context) (flavor cdc.Flavor, version string, err error)
	// Variables gives global variables; those that the server does not know are missing.
	Variables(ctx context.Context, names ...string) (map[string]string, error)
	// Grants gives the lines of SHOW GRANTS, those of the active roles included.
	Grants(context.Context) ([]string, error)
	Tables(ctx context.Context, schema string) ([]Table, error)
	Table(context.Context, cdc.TableID) (*cdc.Table, error)
	// Cascades gives the foreign keys by which the server changes rows of a table by itself.
	Cascades(ctx context.Context, schema string) ([]Cascade, error)
	// Explain plans a SELECT of the table with the condition; tables is how many the plan reads.
	Explain(ctx context.Context, id cdc.TableID, where string) (tables int, err error)
}

// Table is a line of the server's list of tables.
type Table struct {
	cdc.TableID
	Engine string
	View   bool
	Bytes  int64
}

// Cascade is a foreign key with ON DELETE or ON UPDATE CASCADE or SET NULL.
type Cascade struct {
	Child cdc.TableID
	Name  string
}

// Target is what the checks ask of the cluster.
type Target interface {
	// Topics gives those of the topics that exist.
	Topics(ctx context.Context, names []string) (map[string]Topic, error)
}

// Topic is a topic of the target.
type Topic struct {
	Partitions, Replication int
	Write                   *bool  // whether the user may write; nil where the broker does not say
	Cleanup                 string // cleanup.policy; empty where the settings may not be read
	MinInsync               int
	Unclean                 bool
}
