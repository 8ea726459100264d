package snapshot

import (
	"context"

	"sluice/engine/cdc"
)

// Reader is what the full copy asks of a source. Each view has a connection of its own.
type Reader interface {
	// Executed gives the set of transactions that every view opened from now on will see, as a set of like's kind:
	// gtid_executed, or for a *cdc.Upto what lies before the binlog's current file, because a file is begun only when
	// all transactions of those before it are committed. It is nil where the server proves visibility by the view itself
	// (MariaDB: View.Exact).
	Executed(ctx context.Context, like cdc.GTIDSet) (cdc.GTIDSet, error)
	// Settle locks the row with these values of its primary key in share mode for the length of one statement, so it
	// returns when the transaction that changed it last is committed. ordered says that those before it in the binlog
	// are so too (binlog_order_commits).
	Settle(ctx context.Context, table *cdc.Table, key cdc.Row) (ordered bool, err error)
	// Prepared gives the XA transactions that are prepared and not finished now, by name; known is false where the account
	// may not ask. One is named until its end is visible, though the binlog has that before.
	Prepared(ctx context.Context) (xids []string, known bool, err error)
	// View opens a consistent snapshot: START TRANSACTION WITH CONSISTENT SNAPSHOT in REPEATABLE READ.
	View(ctx context.Context) (View, error)
}

// View is one open consistent snapshot and the steps of reading chunks through it, in this order: Exact, Lock, Rows for
// each, Close.
type View interface {
	// Exact gives the position that the view is the state of, where the server knows it (MariaDB's
	// Binlog_snapshot_position); ok is false elsewhere.
	Exact() (p cdc.Position, ok bool)
	// Lock takes the tables' metadata locks until Close, reads their definitions and then the end of the binlog. Of several
	// tables it fails where the locks are not all to be had soon: who waits for one must not hold others for long.
	Lock(ctx context.Context, tables ...cdc.TableID) ([]Locked, error)
	// Rows runs the chunk's SELECT and calls each for every row in key order. The row's bytes are valid only during
	// the call. It returns how many rows were read.
	Rows(ctx context.Context, q Query, each func(cdc.Row) error) (int, error)
	// Close ends the transaction and frees the connection; it may be called at any step and twice.
	Close() error
}

// Locked is what Lock found.
type Locked struct {
	End    cdc.Position // the end of the binlog, read after all metadata locks were taken
	Table  *cdc.Table   // the definition under the lock; Version is 0
	Create string       // SHOW CREATE TABLE
	Now    int64        // the source's clock, seconds since 1970
	Few    bool         // the table is known to have too few rows for being cut, where that was looked for
}

// Query selects the rows of one chunk: Key > After and Key <= Upto in the order of Key, at most Limit rows.
type Query struct {
	Table *cdc.Table
	Key   []int   // ordinals of the key columns; nil reads the whole table in no order
	Weigh []int   // ordinals of columns whose weights follow the columns of each row
	After cdc.Row // values of the key columns in the order of Key; nil: from the first
	Upto  cdc.Row // nil: to the last
	Limit int     // 0: no limit
	Where string  // the task's row filter, SQL; may be empty
}
