package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/engine"
	"sluice/engine/kafka"
	"sluice/engine/task"
	"sluice/handlers"
	"sluice/store"
)

// The bounds of one look at a topic: a person reads it, and the browser holds it.
const (
	readWithin = 10 * time.Second
	readBytes  = 8 << 20
	hexBytes   = 64 << 10 // shown of one value
)

// topicReader reads the topics of tasks back.
type topicReader struct{ store *store.Store }

// errEnough ends a read that has all it wants.
var errEnough = errors.New("enough was read")

func (r topicReader) Read(ctx context.Context, id string, q handlers.MessageQuery) (*handlers.MessagePage, error) {
	t, err := r.store.OpenTask(ctx, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readWithin, &task.Error{Code: "target.timeout", Text: fmt.Sprintf("the topic was not read within %s", readWithin),
		Hint: "Ask for fewer messages, or for one partition.", Retry: true})
	defer cancel()
	c, err := kafka.Open(ctx, t.Spec().Target)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	n, err := c.Partitions(ctx, q.Topic)
	if err != nil {
		return nil, err
	}
	page := &handlers.MessagePage{Partitions: n}
	var parts []engine.Partition
	for i := range n {
		if q.Partition < 0 || q.Partition == i {
			parts = append(parts, engine.Partition{Topic: q.Topic, ID: i})
		}
	}
	if len(parts) == 0 {
		return page, nil
	}
	first, end, err := c.Ends(ctx, parts)
	if err != nil {
		return nil, err
	}
	left := readBytes
	for i, p := range parts {
		from, to := window(q, first[i], end[i], len(parts))
		err := c.Read(ctx, p, from, to, func(m *kafka.Record) error {
			if left -= len(m.Value); left < 0 {
				return errEnough
			}
			page.Messages = append(page.Messages, shown(p.ID, m))
			return nil
		})
		if errors.Is(err, errEnough) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	order(page, q)
	return page, nil
}

// window is what of a partition to read. A fence leaves gaps in the offsets, so that fewer messages may come.
func window(q handlers.MessageQuery, first, end int64, parts int) (from, to int64) {
	share := max(1, int64((q.Max+parts-1)/parts))
	switch q.From {
	case "earliest":
		return first, min(end, first+share)
	case "offset":
		from = min(max(q.Offset, first), end)
		return from, min(end, from+share)
	}
	return max(first, end-share), end
}

// order puts the newest first where the newest were asked for.
func order(page *handlers.MessagePage, q handlers.MessageQuery) {
	slices.SortStableFunc(page.Messages, func(a, b handlers.Message) int {
		way := 1
		if q.From == "latest" {
			way = -1
		}
		if a.Time != b.Time {
			return way * int(max(-1, min(1, a.Time-b.Time)))
		}
		if a.Partition != b.Partition {
			return a.Partition - b.Partition
		}
		return way * int(max(-1, min(1, a.Offset-b.Offset)))
	})
	page.Messages = page.Messages[:min(len(page.Messages), q.Max)] // the share of a partition was rounded up
}

// shown is the record as the page of messages prints it; one that is not ours is shown in hex with the reason.
func shown(partition int, r *kafka.Record) handlers.Message {
	m := handlers.Message{Partition: partition, Offset: r.Offset, Time: r.Time, Key: keyText(r.Key), Size: len(r.Value),
		Hex: hexDump(r.Value[:min(len(r.Value), hexBytes)])}
	d, err := decodeMessage(r.Value)
	if err != nil {
		m.Error = err.Error()
		return m
	}
	m.Operation, m.Object, m.Position, m.SourceTime, m.SQL, m.Tags = d.Operation, d.Object, d.Position, d.Time, d.SQL, d.Tags
	m.Tx = engine.TransactionOf(identityOf(r.Value))
	for i, f := range d.Fields {
		c := handlers.Cell{Name: f.Name}
		if i < len(d.Before) {
			c.HasBefore, c.NullBefore, c.Before, c.Type = true, d.Before[i].Null(), d.Before[i].Text, d.Before[i].Branch
		}
		if i < len(d.After) {
			c.HasAfter, c.NullAfter, c.After = true, d.After[i].Null(), d.After[i].Text
			if d.After[i].Branch != "" {
				c.Type = d.After[i].Branch
			}
		}
		m.Cells = append(m.Cells, c)
	}
	return m
}

func keyText(key []byte) string {
	if !utf8.Valid(key) {
		return "0x" + hex.EncodeToString(key)
	}
	return string(key)
}

// hexDump is offset, bytes and text, as hexdump -C writes them.
func hexDump(data []byte) string { return strings.TrimRight(hex.Dump(data), "\n") }
