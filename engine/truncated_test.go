package engine

import (
	"testing"

	"sluice/engine/task"
)

// TestReplacedTail: a lane whose newest message gave way to somebody else's is seen although the log is as long as it
// was.
func TestReplacedTail(t *testing.T) {
	p := Partition{Topic: "t"}
	own, foreign := Message{Value: []byte("own")}, Message{Value: []byte("foreign")}
	for name, tt := range map[string]struct {
		log  []Message
		sum  uint32
		code string
	}{
		"held":             {[]Message{foreign, own}, sumOf(own.Value), ""},
		"others behind":    {[]Message{foreign, own, foreign}, sumOf(own.Value), ""},
		"replaced":         {[]Message{foreign, foreign}, sumOf(own.Value), "target.log_short"},
		"nothing was sent": {[]Message{foreign, foreign}, 0, ""},
	} {
		sink := &fakeSink{logs: map[Partition]*fakeLog{p: {log: tt.log}}}
		r := &router{saved: &Saved{Lanes: []Partition{p}}, lanes: []*lane{{part: p, acked: 2, sum: tt.sum}}}
		if err := r.intact(t.Context(), sink); (err == nil) != (tt.code == "") || err != nil && task.Code(err) != tt.code {
			t.Errorf("%s: %v, want code %q", name, err, tt.code)
		}
	}
}
