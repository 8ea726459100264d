package precheck

import (
	"context"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/retention"
	"sluice/engine/task"
)

// Deps is all that the checks work with.
type Deps struct {
	Spec *task.Spec
	// KafkaVersion is the one that a person chose for the target; empty is automatic.
	KafkaVersion string
	// Terms tells who accepted the terms of the task; nil: nobody is asked, and the check does not apply.
	Terms *string
	// OpenSource and OpenTarget connect; their errors are *task.Error. The trace is told of the first connection.
	OpenSource func(context.Context, *Trace) (Source, error)
	OpenTarget func(context.Context, task.Target, *Trace) (Target, error)
	Supports   func(*cdc.Column) error // why a column can't be carried
	Comparable func(*cdc.Column) bool  // whether a key column's order is known, so that the table can be cut
	// Mapping gives what is wrong with names, topics, columns and partitions. The spec has the server's names.
	Mapping func(spec *task.Spec, partitions map[string]int, tables []*cdc.Table) []error
	Free    func() (uint64, error) // bytes free for the data folder
	// Sharing gives the names of other tasks that write to one of the topics; nil where no other is known.
	Sharing func(ctx context.Context, topics []string) ([]string, error)
}

// Source is what the checks ask of the server.
type Source interface {
	retention.Source
	Server(context.Context) (flavor cdc.Flavor, version string, err error)
	// Status gives global counters; those that the server does not know are missing.
	Status(ctx context.Context, names ...string) (map[string]string, error)
	// Privileges gives the account as the server names it, and what it lacks to read the tables; one without a name is
	// every table of its database.
	Privileges(ctx context.Context, tables []cdc.TableID) (account string, lacks []Lack, err error)
	Tables(ctx context.Context, schema string) ([]Table, error)
	// Definitions reads tables as they are now; those that are not there are missing.
	Definitions(context.Context, []cdc.TableID) (map[cdc.TableID]*cdc.Table, error)
	// Cascades gives the foreign keys by which the server changes rows of a table by itself.
	Cascades(ctx context.Context, schema string) ([]Cascade, error)
	// Explain plans a SELECT of the table with the condition; tables is how many the plan reads.
	Explain(ctx context.Context, id cdc.TableID, where string) (tables int, err error)
	// Locate finds where a start that a person asked for is, and gives its set of transactions; an error says why it
	// can't be there.
	Locate(context.Context, task.From) (cdc.GTIDSet, error)
	// BinlogFilters gives the databases of binlog_do_db and binlog_ignore_db.
	BinlogFilters(context.Context) (do, ignore []string, err error)
	// Replication gives what the server replicates itself; nil where the account may not read it.
	Replication(context.Context) (*Replication, error)
	// ServerID is the id with which the source reads the binlog.
	ServerID() uint32
	// Registered lists the replicas that are connected; readable is false where the account may not.
	Registered(context.Context) (list []Registered, readable bool, err error)
	// SessionsWithout lists the open sessions in which a variable has another value than want; readable is false where
	// the account may not look, or the server does not tell.
	SessionsWithout(ctx context.Context, name, want string) (list []OpenSession, readable bool, err error)
	// Prepared names the XA transactions that are prepared now; known is false where the account may not ask.
	Prepared(ctx context.Context) (xids []string, known bool, err error)
	// LongStatements counts the statements that have run for longer than limit, of those that the account may see.
	LongStatements(ctx context.Context, limit time.Duration) (int, error)
	// Session gives the time zone and the charset of a task's sessions.
	Session(context.Context) (zone, charset string, err error)
	// Widest gives the bytes that the columns have in the longest of the first rows of a table.
	Widest(ctx context.Context, id cdc.TableID, columns []string, rows int) (int64, error)
	Close() error
}

// Lack is a privilege that is missing.
type Lack struct {
	Privilege string
	On        string // "*.*" or "`db`.`table`"
}

// Table is a line of the server's list of tables.
type Table struct {
	cdc.TableID
	Engine string
	View   bool
	Rows   int64 // estimated
	Bytes  int64 // estimated, with indexes
}

// Replication is what a server says of its own.
type Replication struct {
	Sources int // how many it replicates from
	Behind  int // seconds; of the slowest
	Stopped bool
}

// Registered is a replica that the server knows.
type Registered struct {
	ID   uint32
	Host string // as it reports itself; often empty
}

// OpenSession is a session with a value of its own in a variable.
type OpenSession struct {
	ID         uint64 // for KILL
	User, Host string
	Value      string
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
	// MayCreate asks the broker whether it would create the topics, without doing it.
	MayCreate(ctx context.Context, names []string, partitions, replication int) error
	// Brokers lists the brokers as they advertise themselves to a client of this listener.
	Brokers(context.Context) ([]Broker, error)
	// Idempotent tells whether the user gets a producer id.
	Idempotent(context.Context) (bool, error)
	// Version gives the range of Kafka versions that the broker's answers fit; "" is unknown, or no upper end.
	Version(context.Context) (from, to string, err error)
	Close() error
}

// Broker is one broker as it advertises itself.
type Broker struct {
	ID   int
	Addr string // host:port
}

// Topic is a topic of the target.
type Topic struct {
	Partitions, Replication int
	Write                   *bool  // whether the user may write; nil where the broker does not say
	Cleanup                 string // cleanup.policy; empty where the settings may not be read
	MinInsync               int
	Unclean                 bool
	MaxMessage              int           // max.message.bytes
	Retention               time.Duration // negative: for ever
	RetentionBytes          int64         // of each partition; negative: no limit
}
