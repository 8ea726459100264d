package engine

import (
	"context"
	"io"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// Source is what the engine asks of a server. Errors are *task.Error with Retry set where the cause may pass.
type Source interface {
	snapshot.Reader
	snapshot.Weigher
	// Server identifies the server that the address leads to now. All other calls fail at any other server, until this
	// one is asked again.
	Server(ctx context.Context) (Server, error)
	// Start reads the set of finished transactions first and the end of the binlog after it. Without GTID the set is
	// a *cdc.Upto of the start of the binlog's current file.
	Start(ctx context.Context) (Start, error)
	// End reads the end of the binlog: everything flushed so far.
	End(ctx context.Context) (cdc.Position, error)
	// Load tells what the server does now.
	Load(ctx context.Context) (Load, error)
	// Missing names the first transaction of the sets that the server does not have; it is empty if it has all.
	Missing(ctx context.Context, sets []cdc.GTIDSet) (string, error)
	// Holds is an error where the log is not the one that was read: source.lost if only its end is gone, or
	// source.rewritten. What was purged meanwhile counts as held.
	Holds(ctx context.Context, seen Seen) error
	// Stream opens the binlog after the given set of transactions.
	Stream(ctx context.Context, after cdc.GTIDSet) (Stream, error)
	// Describe reads the definitions of tables as View.Lock does, in the order asked, on at most so many connections at a
	// time. Each holds at its End.
	Describe(ctx context.Context, ids []cdc.TableID, connections int) ([]snapshot.Locked, error)
	// Names lists the tables of a database.
	Names(ctx context.Context, schema string) ([]string, error)
	// Locate turns a start that a person asked for into the set of transactions to open the stream after.
	Locate(ctx context.Context, from task.From) (Located, error)
	// Split gives at most n-1 rows of key values, in any order, that cut the table into ranges of like width; none where
	// the key is not a single column of integers or text, or where the table is small.
	Split(ctx context.Context, t *cdc.Table, key []int, n int) ([]cdc.Row, error)
}

// Server identifies a server and what kind it is.
type Server struct {
	Flavor  cdc.Flavor
	ID      string // MySQL: server_uuid; MariaDB: server_id and hostname
	Version string // as the server says it: "8.0.33", "10.11.6-MariaDB-log"
	// LowerNames: names of databases and tables are kept in lower case, whatever a statement writes. It is asked anew
	// with each connection and not stored.
	LowerNames bool
	// Log is the base name of its binlog files, "mysql-bin"; asked anew as well.
	Log string
}

// Start is where a task begins: the stream is opened after Set, and no chunk opens before the stream has passed End.
// XA transactions that were prepared then have had time to end between the two.
type Start struct {
	Set   cdc.GTIDSet
	End   cdc.Position
	Begun int64 // when End's file was begun, seconds since 1970; 0: not known
}

// Located is a start inside the log: the stream is opened after Set, and what begins before Skip or SkipTime
// (microseconds since 1970) is not sent.
type Located struct {
	Set      cdc.GTIDSet
	Skip     cdc.Position
	SkipTime int64
}

// Stream is one reader of the binlog. Batches arrive in order and are bounded in bytes: the reader waits when they
// are not taken. The channel closes at the end; Err then says why. A batch is the taker's, who may give its memory back by
// cdc.FreeBatch.
type Stream interface {
	Batches() <-chan []cdc.Event
	Err() error
	// Keep says what a restart may ask for: everything from low on and, where it is still to be had, from oldest on. A
	// stream that keeps events on disk lets go of the rest.
	Keep(low, oldest cdc.Position)
	Close() error
}

// Codec turns records into message values and finds their identity again. It is used by one goroutine.
type Codec interface {
	// Encode appends the message value of the record to dst.
	Encode(dst []byte, r *cdc.Record) ([]byte, error)
	// Identity reads the identity tag and the source position of a message value; ok is false if it is not one of this
	// format or has no identity.
	Identity(value []byte) (id string, at cdc.Position, ok bool)
}

// Partition is one partition of the target.
type Partition struct {
	Topic string
	ID    int
}

// Message is one encoded record.
type Message struct {
	Key   []byte
	Value []byte
}

// size is what the message holds, without its framing.
func (m *Message) size() int { return len(m.Key) + len(m.Value) }

// NoProducer stands for a producer id where the target gives none: the broker can't tell a resend from a new request.
const NoProducer = -1

// Batch is what one request brings to a partition: idempotent, if it has a producer.
type Batch struct {
	Producer int64
	Epoch    int16
	Sequence int32 // of the first message
	Messages []Message
}

// ProduceError says what is known of a request that failed.
type ProduceError uint8

// Outcomes of a produce request.
const (
	// ProduceDoubt: it may or may not have been written (timeout, lost connection, errors 7, 13, 20, -1, 56): send the same again.
	ProduceDoubt ProduceError = iota
	// ProduceSequence: error 45 or 46. After a resend the log must be asked.
	ProduceSequence
	// ProduceFenced: error 47, another incarnation took over.
	ProduceFenced
	// ProduceExpired: error 59, the broker forgot the producer.
	ProduceExpired
	// ProduceRefused: it was not written and will not be (too large, not allowed, unknown topic).
	ProduceRefused
)

// ProduceFailure is the error type of Sink.Produce.
type ProduceFailure struct {
	Kind ProduceError
	Err  error // a *task.Error where a person must act
}

func (e *ProduceFailure) Error() string { return e.Err.Error() }
func (e *ProduceFailure) Unwrap() error { return e.Err }

// Sink is what the engine asks of the target.
type Sink interface {
	// NewProducer asks for a new idempotent producer id; NoProducer where the broker knows none (Kafka 0.10) or the
	// user may not have one.
	NewProducer(ctx context.Context) (int64, error)
	// Parked is how long after it was given up a request is waited for that has no producer. A broker that holds one
	// longer may write it late.
	Parked() time.Duration
	// Produce makes one attempt with acks=all and gives the offset of the first message. Errors are *ProduceFailure.
	Produce(ctx context.Context, p Partition, b *Batch) (int64, error)
	// Prepare does what can be done of an attempt before the batch may be written, and does not wait for it. The broker
	// can't write any of it before Produce is called on what it gives; that or Drop is called once, if ctx does not end.
	Prepare(ctx context.Context, p Partition, b *Batch) Prepared
	// Ends gives the first and the end offset of each partition, in the order asked.
	Ends(ctx context.Context, ps []Partition) (first, end []int64, err error)
	// Scan calls each for every message with from <= offset < to. The bytes are valid only during the call. It fails,
	// with Retry set, where the log ends before to or begins after from: retention may delete while it reads, and a
	// message that nobody saw must not be taken for one that was never written.
	Scan(ctx context.Context, p Partition, from, to int64, each func(offset int64, m Message) error) error
}

// Prepared is a batch that waits for the one in front of it to be acknowledged.
type Prepared interface {
	// Produce is that of Sink.
	Produce(ctx context.Context) (int64, error)
	// Drop gives the attempt up.
	Drop()
}

// Topics is what the start of a task asks of the target's administration.
type Topics interface {
	// Partitions gives the partition count of each topic that exists.
	Partitions(ctx context.Context, topics []string) (map[string]int, error)
	// Create makes a topic.
	Create(ctx context.Context, topic string, partitions, replication int) error
	// Limits gives max.message.bytes of each topic, where it is known.
	Limits(ctx context.Context, topics []string) (map[string]int, error)
}

// Files keeps the sealed chunks. Names are single path elements.
type Files interface {
	Create(name string) (File, error)
	// Open reads from an offset on.
	Open(name string, from int64) (io.ReadCloser, error)
	// Remove removes files; that one is gone already is no error.
	Remove(names ...string) error
	List() ([]string, error)
}

// FilePage is the page of a disk, in bytes.
const FilePage = 4 << 10

// File is a chunk file being written; Sync makes all that was written durable, its name included.
type File interface {
	io.Writer
	// WritePast is Write for what will hardly be read back: it may go past the page cache, where all that was written up to
	// here and b are multiples of FilePage.
	WritePast(b []byte) (int, error)
	Sync() error
	Close() error
}
