package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sluice/engine/task"
)

const (
	// patience is how long a lane goes on trying before the run ends and starts anew.
	patience = 2 * time.Minute
	// tellAfter is how long a request may fail before a person is told: an election, say, is over sooner.
	tellAfter = 3 * time.Second
)

// send brings one request to its end: it sends the very same batch until the broker has answered for it, and asks
// the log where the answer leaves a doubt. It gives the end offset of the batch. What keeps it from that for more than
// a moment is told once.
func send(ctx context.Context, sink Sink, codec func() Codec, f *flight, tell func(*Retry)) (int64, error) {
	if f.plain != nil {
		return sendPlain(ctx, sink, codec, f, tell)
	}
	began := time.Now()
	pause, told := 20*time.Millisecond, false
	for tries := 1; ; tries++ {
		off, err := f.attempt(ctx, sink)
		switch f.judge(err) {
		case flightAcked:
			return off + int64(len(f.entries)), f.behind(off)
		case flightAsk:
			return ask(ctx, sink, codec(), f, err)
		case flightFailed:
			return 0, refused(f, err)
		}
		f.doubtful()
		if time.Since(began) > tellAfter && !told {
			told = true
			tell(&Retry{Err: err, Pause: pause, Tries: tries})
		}
		if time.Since(began) > patience && task.Code(err) == "target.topic_absent" {
			return 0, &task.Error{Code: "target.topic_absent", Op: "writing to " + f.lane.part.String(), Err: err,
				Text: fmt.Sprintf("the topic has not been there for %s", patience),
				Hint: "It was deleted. Start a new task with a full copy; what was in the topic is not sent again by this one."}
		}
		if time.Since(began) > patience {
			return 0, unconfirmed(f, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return 0, err
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// attempt sends the request once.
func (f *flight) attempt(ctx context.Context, sink Sink) (int64, error) {
	if p := f.ahead; p != nil {
		f.ahead = nil
		return p.Produce(ctx)
	}
	return sink.Produce(ctx, f.lane.part, &f.batch)
}

// sleep waits, and gives the cause if ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// ask reads the log from the acknowledged end and settles the flight with what stands there.
func ask(ctx context.Context, sink Sink, codec Codec, f *flight, cause error) (int64, error) {
	_, end, err := sink.Ends(ctx, []Partition{f.lane.part})
	if err != nil {
		return 0, err
	}
	found := map[string]int64{}
	err = sink.Scan(ctx, f.lane.part, f.from, end[0], func(offset int64, m Message) error {
		if id, _, ok := codec.Identity(m.Value); ok {
			found[id] = offset
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if last, ok := f.settle(codec, found); ok {
		return last, nil
	}
	return 0, &task.Error{Code: "target.sequence", Op: "writing to " + f.lane.part.String(), Retry: true, Err: cause,
		Text: "the broker refused a batch as out of sequence and does not hold it",
		Hint: "The partition lost its newest records or its producer state. The task starts anew and compares with the log."}
}

// tooLarge is the code of a batch that the topic does not take for its size.
const tooLarge = "target.message_too_large"

// refused turns the end of a flight into what a person reads.
func refused(f *flight, err error) error {
	op := "writing to " + f.lane.part.String()
	var fail *ProduceFailure
	switch {
	case !errors.As(err, &fail):
	case fail.Kind == ProduceFenced:
		return &task.Error{Code: "target.fenced", Op: op, Err: fail.Err,
			Text: "another process took this task over", Hint: "Run a task in one place only. This process stops."}
	case fail.Kind == ProduceSequence, fail.Kind == ProduceExpired:
		return &task.Error{Code: "target.sequence", Op: op, Retry: true, Err: fail.Err,
			Text: "the broker no longer knows the task's producer", Hint: "The task starts anew and compares with the log."}
	case task.Code(err) == tooLarge && f.resent && len(f.entries) > 1:
		return &task.Error{Code: tooLarge, Op: op, Retry: true, Err: fail.Err,
			Text: "a batch of which it is not known what was written became too large for the topic", Hint: "The task starts anew and compares with the log."}
	case task.Code(err) == tooLarge && len(f.entries) == 1:
		m := &f.all[0]
		return &task.Error{Code: tooLarge, Op: op, Err: fail.Err,
			Text: fmt.Sprintf("the record of %s holds %d bytes, which is more than the topic takes", keyText(m.Key), m.size()),
			Hint: fmt.Sprintf("Raise max.message.bytes of topic %s above that (on the brokers also message.max.bytes, for consumers max.partition.fetch.bytes) and start the task again; it goes on with this record. In a new task dead_letter_topic takes rows that are too large, where the user may DESCRIBE_CONFIGS of the topics.", f.lane.part.Topic)}
	}
	return err
}

// keyText shows a message key, which names the table and its row.
func keyText(key []byte) string {
	const most = 200
	if len(key) > most {
		return strconv.Quote(string(key[:most])) + "..."
	}
	return strconv.Quote(string(key))
}

func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.ID) }
