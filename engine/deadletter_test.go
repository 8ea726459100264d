package engine

import (
	"slices"
	"testing"
	"time"

	"sluice/engine/task"
)

// TestDeadLetters counts rows that are too large for their topic and tells of the first. Where the topic's limit is not
// known nothing is decided before the topic refuses, and that stops the task as it does without a topic for them.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	dead := Partition{Topic: "dead"}
	large := func(g *rig) {
		g.deps.NewCodec = func(string) Codec { return simCodec{pad: true} }
		g.deps.Spec.DeadLetterTopic = dead.Topic
		g.src.fill(0, 30)
	}
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 2, "fi")
		large(g)
		g.sink.told, g.sink.limit = simLarge, simLarge
		end := make(chan struct{})
		ended := g.run(t.Context(), Control{End: end})
		time.Sleep(3 * time.Second)
		for i := range int64(6) {
			g.src.write(0, 1+i, 300+i)
		}
		close(end)
		g.finish(ended)
		records := 30
		for _, tx := range g.src.txs {
			records += len(tx.rows)
		}
		var letters int64
		seen := map[string]bool{}
		for p, l := range g.sink.logs {
			for _, m := range l.log {
				r := parseSim(string(m.Value))
				if r.op == "HEARTBEAT" {
					continue
				}
				if r.dead {
					letters++
				}
				if seen[r.id] || r.dead != (p == dead) || len(m.Key) == 0 {
					t.Errorf("%v: %s", p, m.Value)
				}
				seen[r.id] = true
			}
		}
		told := slices.DeleteFunc(g.notices, func(n Notice) bool { return n.Code != "target.dead_letter" })
		if n := g.last().Counts.DeadLetters; n != letters || n < 10 || len(seen) != records || len(told) != 1 || told[0].Params[1] != "dead" {
			t.Errorf("%d dead letters were counted, %d of %d records are some; %v", n, letters, len(seen), told)
		}
	})
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 2, "fi")
		large(g)
		g.sink.limit = simLarge
		if err := <-g.run(t.Context(), Control{}); task.Code(err) != tooLarge || task.Retryable(err) {
			t.Errorf("without a known limit the run ended with %v", err)
		}
	})
}
