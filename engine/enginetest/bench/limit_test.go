package bench

import (
	"context"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/engine/enginetest/oracle"
)

// own is what this process has had of the processors.
func own(t *testing.T) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// alone measures what reading or writing costs by itself, the servers included.
func (w *world) alone(contest string, rows int64, do func()) outcome {
	w.calm()
	a := moment{time.Now(), own(w.T), cpuOf(w.m.PID()), cpuOf(w.k.PID()), busy()}
	do()
	b := moment{time.Now(), own(w.T), cpuOf(w.m.PID()), cpuOf(w.k.PID()), busy()}
	o := outcome{Contest: contest, Contestant: "alone"}
	o.between(a, b, rows)
	return o
}

// limits are: a streamed SELECT to nowhere, the binlog of a backlog to nowhere, a producer of the same bytes alone, and what
// broker and consumer take for a change.
func (w *world) limits() (all []outcome) {
	times := 1
	if *runs > 0 {
		times = 3
	}
	for _, table := range []string{"sbtest1", "orders"} {
		rows := w.number("SELECT COUNT(*) FROM bench." + table)
		for range times {
			all = append(all, w.alone("select-"+table, rows, func() { w.read("SELECT * FROM bench." + table) }))
		}
	}
	transactions := w.rows / 20
	from := w.position()
	w.m.Exec(w, "CALL bench.backlog("+strconv.Itoa(transactions)+", "+strconv.Itoa(w.rows*6/10)+")")
	to := w.position()
	all = append(all, w.alone("dump", int64(transactions)*10, func() { w.dump(from, to) }))
	all = append(all, w.carry(1000))
	if *runs > 0 {
		all = append(all, w.carry(20_000))
	}
	return all
}

// read streams rows and forgets them.
func (w *world) read(sql string) {
	c := w.m.Conn(w, "")
	defer c.Close()
	var result mysql.Result
	if err := c.ExecuteSelectStreaming(sql, &result, func([]mysql.FieldValue) error { return nil }, nil); err != nil {
		w.Fatal(err)
	}
}

func (w *world) position() mysql.Position {
	c := w.m.Conn(w, "")
	defer c.Close()
	r, err := c.Execute("SHOW MASTER STATUS")
	if err != nil {
		w.Fatal(err)
	}
	file, _ := r.GetString(0, 0)
	at, _ := r.GetInt(0, 1)
	return mysql.Position{Name: file, Pos: uint32(at)}
}

// dump has the binlog sent from one position to another, and looks at no more than the heads of events.
func (w *world) dump(from, to mysql.Position) {
	host, port, _ := net.SplitHostPort(w.m.Addr)
	n, _ := strconv.Atoi(port)
	s := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{ServerID: 18119, Host: host, Port: uint16(n), User: w.m.RootUser, Password: w.m.RootPassword, RawModeEnabled: true, DisableRetrySync: true})
	defer s.Close()
	stream, err := s.StartSync(from)
	if err != nil {
		w.Fatal(err)
	}
	name := from.Name
	for {
		e, err := stream.GetEvent(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if e.Header.EventType == replication.ROTATE_EVENT {
			name = string(e.RawData[replication.EventHeaderSize+8:])
			if i := len(name) - 4; e.Header.LogPos != 0 && i > 0 {
				name = name[:i]
			}
		}
		if e.Header.LogPos >= to.Pos && name >= to.Name {
			return
		}
	}
}

// produce writes the values of a topic into another one, as fast as a producer with large batches does.
func (w *world) produce(contest, from string, partitions int) outcome {
	var values [][]byte
	if err := oracle.EachValue(w.Context(), []string{w.k.Plain}, []string{from}, func(v []byte) { values = append(values, v) }); err != nil {
		w.Fatal(err)
	}
	w.topic("limit", partitions)
	c, err := kgo.NewClient(kgo.SeedBrokers(w.k.Plain), kgo.DefaultProduceTopic("limit"), kgo.ProducerBatchMaxBytes(1<<20-1000), kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	return w.alone(contest, int64(len(values)), func() {
		for _, v := range values {
			c.Produce(context.Background(), &kgo.Record{Value: v}, func(_ *kgo.Record, err error) {
				if err != nil {
					w.Error(err)
				}
			})
		}
		if err := c.Flush(context.Background()); err != nil {
			w.Fatal(err)
		}
	})
}
