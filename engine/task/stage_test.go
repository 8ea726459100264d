package task

import "testing"

func TestReachPassed(t *testing.T) {
	t.Parallel()
	for want, stages := range map[bool][][]string{
		true:  {{"passed"}, {"passed", "skipped", "passed"}},
		false: {{}, {"passed", "failed", "skipped"}},
	} {
		for _, statuses := range stages {
			var r Reach
			for _, s := range statuses {
				r.Stages = append(r.Stages, Stage{Status: s})
			}
			if r.Passed() != want {
				t.Errorf("%v: passed is %v", statuses, !want)
			}
		}
	}
}
