package kafka

import (
	"fmt"
	"slices"
	"testing"

	"sluice/engine"
)

// filled is a queue in which batches of such sizes wait, for partitions 0, 1, 2...
func filled(sizes ...int) (q *queue, parts []*part) {
	q = &queue{sending: underway}
	for i, size := range sizes {
		parts = append(parts, &part{Partition: engine.Partition{Topic: "t", ID: i}, bytes: size})
		q.join(parts[i])
	}
	return q, parts
}

// ids are the partitions of the requests that follow, one after the other.
func ids(q *queue) (all [][]int) {
	for parts := q.next(); parts != nil; parts = q.next() {
		var list []int
		for _, w := range parts {
			list = append(list, w.ID)
		}
		all = append(all, list)
	}
	return all
}

func TestSharedRequestsAreBounded(t *testing.T) {
	const third = sharedBytes / 3
	q, _ := filled(2, third, third, third, 10, third, aloneBytes-1, sharedBytes-1, 2, 1)
	if got := fmt.Sprint(ids(q)); got != "[[0 1 2] [3 4 5 6] [7] [8 9]]" {
		t.Error(got)
	}
	if q.sending != underway-1 {
		t.Errorf("%d requests are under way", q.sending)
	}
	q, _ = filled(make([]int, 2*sharedParts+1)...)
	if got := ids(q); len(got) != 3 || len(got[0]) != sharedParts || len(got[2]) != 1 {
		t.Error(got)
	}
}

// TestOnlyWhatComesMeanwhileWaits: as many requests as may be under way wait for nothing.
func TestOnlyWhatComesMeanwhileWaits(t *testing.T) {
	q := new(queue)
	for i := range underway + 2 {
		if waits := q.join(new(part)); waits != (i >= underway) {
			t.Errorf("request %d waits: %v", i, waits)
		}
	}
	q.waiting = nil
	for range underway {
		q.next()
	}
	if q.sending != 0 || q.join(new(part)) {
		t.Error("after the last one has returned the next one does not go out at once")
	}
}

// TestRequestHasAPartitionOnce: a broker would take one of two batches for a partition, and forget the other.
func TestRequestHasAPartitionOnce(t *testing.T) {
	q, parts := filled(1, 1, 1)
	again := &part{Partition: parts[1].Partition, bytes: 1}
	q.join(again)
	if first := q.next(); len(first) != 3 || slices.Contains(first, again) {
		t.Fatal(first)
	}
	if second := q.next(); !slices.Equal(second, []*part{again}) {
		t.Fatal(second)
	}
}

func TestWhoLeavesIsNotSent(t *testing.T) {
	q, parts := filled(1, 1, 1)
	if !q.leave(parts[1]) || q.leave(parts[1]) {
		t.Error("it did not leave once")
	}
	if got := fmt.Sprint(ids(q)); got != "[[0 2]]" {
		t.Error(got)
	}
	if q.leave(parts[0]) {
		t.Error("one that is sent can't leave")
	}
}

func TestRequestIsInOrderOfTopics(t *testing.T) {
	q := &queue{sending: underway}
	for _, p := range []engine.Partition{{Topic: "b", ID: 1}, {Topic: "a", ID: 10}, {Topic: "b"}, {Topic: "a", ID: 9}} {
		q.join(&part{Partition: p})
	}
	var got []string
	for _, w := range q.next() {
		got = append(got, fmt.Sprint(w.Topic, w.ID))
	}
	if fmt.Sprint(got) != "[a9 a10 b0 b1]" {
		t.Error(got)
	}
}
