package kafka_test

import (
	"testing"

	"sluice/engine"
)

// Two processes with one producer id and epoch, as copies of a data folder have them: the broker takes what the second
// one sends for a repetition of what it has from the first, acknowledges it and does not store it. Only the log tells.
func TestBrokerTakesACopiesBatchForARepetition(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		first, second := open(t, plainTarget(addr)), open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, first, 1, nil)}
		id := producer(t, first)
		if at := produce(t, first, p, batch(id, 1, 0, "fence of the first")); at != 0 {
			t.Fatalf("written at %d", at)
		}
		if at := produce(t, second, p, batch(id, 1, 0, "fence of the second")); at != 0 {
			t.Fatalf("acknowledged at %d", at)
		}
		if at := produce(t, second, p, batch(id, 1, 1, "row of the second")); at != 1 {
			t.Fatalf("written at %d", at)
		}
		if at := produce(t, first, p, batch(id, 1, 1, "row of the first")); at != 1 {
			t.Fatalf("acknowledged at %d", at)
		}
		values, _ := scan(t, first, p, 0, 2)
		if len(values) != 2 || values[0] != "fence of the first" || values[1] != "row of the second" {
			t.Fatalf("the log holds %q", values)
		}
		for n := range 6 { // a broker remembers five batches
			produce(t, second, p, batch(id, 1, int32(2+n), "more"))
		}
		fails(t, first, p, batch(id, 1, 0, "fence of a third"), engine.ProduceSequence, "target.sequence")
	})
}
