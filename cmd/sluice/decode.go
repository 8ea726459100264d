package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"sluice/engine"
	"sluice/engine/dts"
	"sluice/engine/kafka"
	"sluice/engine/message"
	"sluice/engine/task"
)

const decodeHelp = `usage: sluice decode --brokers HOST:PORT[,...] --topic TOPIC [options]
       sluice decode --task TASKFILE [--topic TOPIC] [options]
       sluice decode --schema

Prints the messages of a topic as JSON lines: one partition after the other up to
where each ends now, or, with --follow, all together as they come until SIGINT.
With a task file, brokers, sign-in, TLS and the topic are taken from there. A
message of neither format is printed in hexadecimal with an error, and the exit
code is 1. With --schema it prints the Avro schema of the messages and nothing else.
`

type decodeOptions struct {
	brokers, topic, taskFile string
	partition                int
	from                     int64
	follow, schema           bool
	user, mechanism, tls, ca string
}

func (p *program) decode(ctx context.Context, args []string) int {
	f := p.flags("decode", decodeHelp)
	var o decodeOptions
	f.StringVar(&o.brokers, "brokers", "", "`LIST` of brokers, separated by commas")
	f.StringVar(&o.topic, "topic", "", "`NAME` of the topic")
	f.StringVar(&o.taskFile, "task", "", "task `FILE` that tells how to reach the brokers")
	f.IntVar(&o.partition, "partition", -1, "only partition `N`")
	f.Int64Var(&o.from, "from", 0, "first `OFFSET`")
	f.BoolVar(&o.follow, "follow", false, "wait for more")
	f.BoolVar(&o.schema, "schema", false, "print the Avro schema of the messages")
	f.StringVar(&o.user, "user", "", "`NAME` to sign in with; the password is in the environment, SLUICE_KAFKA_PASSWORD")
	f.StringVar(&o.mechanism, "mechanism", "", "`NAME`: SCRAM-SHA-256 (default), SCRAM-SHA-512 or PLAIN")
	f.StringVar(&o.tls, "tls", "", "`MODE`: off (default), require, ca or full")
	f.StringVar(&o.ca, "ca-file", "", "`FILE` of the certificates to trust")
	_, code, ok := f.parse(args, 0)
	switch {
	case !ok:
		return code
	case o.schema:
		fmt.Fprintln(p.stdout, strings.TrimSpace(dts.Schema()))
		return exitDone
	case (o.brokers == "") == (o.taskFile == ""):
		return f.wrong("give one of --brokers and --task")
	case o.topic == "" && o.taskFile == "":
		return f.wrong("--topic is missing")
	}
	target, err := o.target(p.getenv)
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	if target.Topic == "" {
		return f.wrong("--topic is missing, and the task file has none for all tables")
	}
	ctx, release := stopOnSignal(ctx)
	defer release()
	switch bad, err := p.printTopic(ctx, target, o); {
	case errors.Is(context.Cause(ctx), engine.ErrStopped):
		return exitDone
	case err != nil:
		tell(p.stderr, err)
		return exitOf(err)
	case bad:
		return exitFailed
	}
	return exitDone
}

func (o *decodeOptions) target(getenv func(string) string) (task.Target, error) {
	t := task.Target{Brokers: strings.Split(o.brokers, ","), User: o.user, Mechanism: o.mechanism, TLS: task.TLS{Mode: o.tls, CAFile: o.ca}}
	if o.user != "" {
		t.Password = task.Secret(getenv("SLUICE_KAFKA_PASSWORD"))
	}
	if o.taskFile != "" {
		spec, err := task.LoadFile(o.taskFile, getenv)
		if err != nil {
			return t, err
		}
		t = spec.Target
	}
	if o.topic != "" {
		t.Topic = o.topic
	}
	return t, nil
}

// printer writes lines of several partitions, one at a time.
type printer struct {
	mu  sync.Mutex
	out *bufio.Writer
	bad bool
}

// decoded is one line.
type decoded struct {
	Partition int    `json:"partition"`
	Offset    int64  `json:"offset"`
	Key       string `json:"key,omitempty"`
	*message.Message
	Error string `json:"error,omitempty"`
	Hex   string `json:"hex,omitempty"`
}

func (w *printer) print(partition int, r *kafka.Record, flush bool) error {
	line := decoded{Partition: partition, Offset: r.Offset, Key: string(r.Key)}
	var err error
	if line.Message, err = decodeMessage(r.Value); err != nil {
		line.Error, line.Hex = err.Error(), hex.EncodeToString(r.Value)
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad = w.bad || line.Error != ""
	if _, err := w.out.Write(append(text, '\n')); err != nil || !flush {
		return err
	}
	return w.out.Flush()
}

func (p *program) printTopic(ctx context.Context, t task.Target, o decodeOptions) (bad bool, err error) {
	c, err := kafka.Open(ctx, t)
	if err != nil {
		return false, err
	}
	defer c.Close()
	parts, err := partitionsOf(ctx, c, t.Topic, o.partition)
	if err != nil {
		return false, err
	}
	w := &printer{out: bufio.NewWriterSize(p.stdout, 64<<10)}
	defer func() { err = errors.Join(err, w.out.Flush()) }()
	if o.follow {
		err := followAll(ctx, c, parts, o.from, w)
		return w.bad, err
	}
	first, end, err := c.Ends(ctx, parts)
	if err != nil {
		return false, err
	}
	for i, part := range parts {
		err := c.Read(ctx, part, max(o.from, first[i]), end[i], func(r *kafka.Record) error { return w.print(part.ID, r, false) })
		if err != nil {
			return false, err
		}
	}
	return w.bad, nil
}

func partitionsOf(ctx context.Context, c *kafka.Client, topic string, only int) ([]engine.Partition, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	if only >= n {
		return nil, &task.Error{Code: "target.partition_absent", Text: "the topic has no such partition", Hint: "Partitions are counted from 0."}
	}
	var parts []engine.Partition
	for i := range n {
		if only < 0 || i == only {
			parts = append(parts, engine.Partition{Topic: topic, ID: i})
		}
	}
	return parts, nil
}

// followAll follows all partitions until ctx is over or one fails.
func followAll(ctx context.Context, c *kafka.Client, parts []engine.Partition, from int64, w *printer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(parts))
	for i, part := range parts {
		wg.Go(func() {
			errs[i] = c.Follow(ctx, part, from, func(r *kafka.Record) error { return w.print(part.ID, r, true) })
			if errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
