package task

import "testing"

func TestMoves(t *testing.T) {
	t.Parallel()
	legal := map[[2]State]bool{
		{New, Running}: true, {Running, Running}: true, {Running, Stopped}: true, {Running, Failed}: true,
		{Running, Finished}: true, {Stopped, Running}: true, {Failed, Running}: true,
	}
	for _, from := range append(States(), "", "unheard of") {
		for _, to := range append(States(), "", "unheard of") {
			err := from.Move(to)
			want := "task.illegal_move"
			switch {
			case legal[[2]State{from, to}]:
				want = ""
			case from == Finished && to == Running:
				want = "task.finished"
			}
			if got := Code(err); (err == nil) != (want == "") || err != nil && got != want {
				t.Errorf("%s to %s: %v, want %q", from, to, err, want)
			}
		}
	}
	if len(moves) != len(States()) {
		t.Errorf("%d states have moves, there are %d", len(moves), len(States()))
	}
}
