package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/progress"
	"sluice/engine/task"
	"sluice/store"
)

// lyingBench is a bench with a broker of its own, because the tests here damage it.
func lyingBench(t *testing.T, name string) *bench {
	b := newBench(t, servers.MySQL80, name)
	b.kafka = servers.StartKafka(t)
	return b
}

// insert adds n rows, the first with this id.
func (b *bench) insert(from, n int) {
	b.Helper()
	for id := from; id < from+n; id++ {
		b.my.Exec(b.T, fmt.Sprintf("INSERT INTO %s.orders VALUES (%d,'x',1)", b.name, id))
	}
}

// disk copies the broker's disk, or puts a copy back.
func (b *bench) disk(from, to string) {
	b.Helper()
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
		b.Fatal(err)
	}
}

// ask sends the broker one request of another client.
func (b *bench) ask(req kmsg.Request) {
	b.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.Plain))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	if _, err := c.Request(ctx, req); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) deleteTopic() {
	req := kmsg.NewDeleteTopicsRequest()
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &b.name
	req.Topics, req.TopicNames, req.TimeoutMillis = append(req.Topics, topic), []string{b.name}, 10_000
	b.ask(&req)
}

func (b *bench) createTopic(partitions int32) {
	req := kmsg.NewCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = b.name, partitions, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), 10_000
	b.ask(&req)
}

func incremental(d *document) bool { return d.Phase == engine.PhaseIncremental }

// TestBrokersDiskIsPutBack takes the newest records of a topic away by giving the broker an older copy of its disk: while
// the task runs, and while it is stopped. Every record is there once at the end, in the order of its key.
func TestBrokersDiskIsPutBack(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{true, false} {
		name := map[bool]string{true: "diskrun", false: "diskstop"}[running]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := lyingBench(t, name)
			b.rows("orders", 200)
			file := b.taskFile()
			r := b.start(file)
			r.until("the incremental phase", incremental)
			b.insert(5001, 5)
			r.until("changes", func(d *document) bool { return d.Inserts == 5 && d.NoDelay })
			data, copied := filepath.Join(b.kafka.Dir, "data"), filepath.Join(b.dir, "disk")
			b.kafka.Stop(t)
			b.disk(data, copied)
			b.kafka.Restart(t)
			b.insert(6001, 20)
			b.my.Exec(t, "UPDATE "+b.name+".orders SET name='y' WHERE id BETWEEN 5001 AND 6010")
			r.until("the changes that will be lost", func(d *document) bool { return d.Updates == 15 && d.NoDelay })
			if !running {
				r.signal(syscall.SIGTERM)
				r.finish().want(t, exitStopped)
			}
			b.kafka.Stop(t)
			b.disk(copied, data)
			b.kafka.Restart(t)
			if !running {
				r = b.start(file)
			}
			b.my.Exec(t, "UPDATE "+b.name+".orders SET name='z' WHERE id BETWEEN 6005 AND 6020")
			told := 0
			r.until("what was lost and the rest", func(d *document) bool {
				for _, n := range d.Notices {
					if n.Code == "target.repaired" {
						told++
					}
				}
				return told > 0 && d.NoDelay && d.Updates >= 31
			})
			b.sluice("run", file, "--end").want(t, exitDone)
			r.finish().want(t, exitDone)
			got := b.decoded()
			b.counts(got, map[string]int{"DDL": 1, "INIT": 200, "INSERT": 25, "UPDATE": 31})
			last := map[string]string{}
			for _, m := range got {
				if m.Operation == "INSERT" || m.Operation == "UPDATE" {
					id := *m.After["id"]
					if was := last[id]; was > *m.After["name"] || m.Operation == "INSERT" && was != "" {
						t.Errorf("row %s: %s after %q", id, *m.After["name"], was)
					}
					last[id] = *m.After["name"]
				}
			}
		})
	}
}

// TestTopicMadeAnew stops where the topic is another one of the same name.
func TestTopicMadeAnew(t *testing.T) {
	t.Parallel()
	b := lyingBench(t, "anew")
	b.rows("orders", 100)
	file := b.taskFile()
	r := b.start(file)
	r.until("the incremental phase", incremental)
	b.insert(5001, 5)
	r.until("changes", func(d *document) bool { return d.Inserts == 5 && d.NoDelay })
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	b.deleteTopic()
	b.createTopic(3)
	b.insert(5006, 1)
	for range 2 { // its own fences do not make it the old one
		b.sluice("run", file).want(t, exitFailed, "target.recreated", "partition 0")
	}
}

// TestMessagesDeletedByAge goes on where all that was deleted was noted; where more was deleted it asks, and goes on
// when a person says so.
func TestMessagesDeletedByAge(t *testing.T) {
	t.Parallel()
	b := lyingBench(t, "aged")
	b.rows("orders", 100)
	file := b.taskFile()
	r := b.start(file)
	r.until("the incremental phase", incremental)
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	b.age()
	r = b.start(file)
	r.until("the incremental phase", incremental)
	b.insert(5001, 3)
	r.until("changes", func(d *document) bool { return d.Inserts == 3 && d.NoDelay })
	r.signal(syscall.SIGKILL)
	r.finish()
	b.strayAndAge()
	b.sluice("run", file, "--until", "caught-up").want(t, exitFailed, "target.expired", "offset")
	b.repeatInConsole()
	b.strayAndAge()
	b.sluice("run", file, "--until", "caught-up", "--accept-repeats").want(t, exitDone)
}

// repeatInConsole goes on with the task as the console does, until it has no delay, and pauses it.
func (b *bench) repeatInConsole() {
	b.Helper()
	st, err := store.Open(filepath.Join(b.dir, "data"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	tasks, err := st.Tasks(b.Context())
	if err != nil || len(tasks) != 1 {
		b.Fatal(tasks, err)
	}
	id := tasks[0].ID
	if err := st.SetSecret(b.Context(), id, "source", task.Secret(b.my.Password)); err != nil { // a task of a file keeps none
		b.Fatal(err)
	}
	hub := progress.NewHub(time.Now)
	m := newManager(&runner{store: st}, hub, slog.New(slog.NewTextHandler(b.Output(), nil)))
	defer m.close()
	w := hub.Watch(id)
	defer w.Close()
	if err := m.Repeat(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	for deadline := time.After(time.Minute); ; {
		select {
		case <-w.C():
		case <-deadline:
			b.Fatal("it has a delay for a minute")
		}
		w.Take()
		now, works := hub.Status(id)
		if now.NoDelay {
			break
		}
		if !works {
			sum, err := st.Summary(b.Context(), id)
			b.Fatal(sum.Failure, err)
		}
	}
	if err := m.Pause(b.Context(), id); err != nil {
		b.Fatal(err)
	}
	if err := m.Repeat(b.Context(), id); task.Code(err) != "task.wrong_state" {
		b.Errorf("a task that did not stop so: %v", err)
	}
}

// strayAndAge lets another program write after the last note, where it is not known to be another's, and deletes all.
func (b *bench) strayAndAge() {
	b.Helper()
	for p := range 3 {
		c, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.Plain), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			b.Fatal(err)
		}
		if err := c.ProduceSync(b.Context(), &kgo.Record{Topic: b.name, Partition: int32(p), Value: []byte("x")}).FirstErr(); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	b.age()
}

// age deletes all that the topic holds, as retention would.
func (b *bench) age() {
	b.Helper()
	for p := range int32(3) {
		req := kmsg.NewDeleteRecordsRequest()
		topic := kmsg.NewDeleteRecordsRequestTopic()
		part := kmsg.NewDeleteRecordsRequestTopicPartition()
		part.Partition, part.Offset = p, -1
		topic.Topic, topic.Partitions = b.name, append(topic.Partitions, part)
		req.Topics, req.TimeoutMillis = append(req.Topics, topic), 10_000
		b.ask(&req)
	}
}

// TestPartitionsAreAdded tells it and leaves every key where it was.
func TestPartitionsAreAdded(t *testing.T) {
	t.Parallel()
	b := lyingBench(t, "grown")
	b.rows("orders", 100)
	file := b.taskFile()
	r := b.start(file)
	r.until("the incremental phase", incremental)
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	req := kmsg.NewCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = b.name, 8
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), 10_000
	b.ask(&req)
	b.my.Exec(t, "UPDATE grown.orders SET name='y'")
	b.sluice("run", file, "--until", "caught-up").want(t, exitDone, "target.partitions_added")
	where := map[string]int{}
	for _, m := range b.decoded() {
		if m.Operation == "DDL" {
			continue
		}
		id := *m.After["id"]
		if at, ok := where[id]; ok && at != m.Partition {
			t.Errorf("row %s went from partition %d to %d", id, at, m.Partition)
		}
		where[id] = m.Partition
	}
}
