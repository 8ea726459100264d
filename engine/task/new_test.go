package task

import "testing"

func TestNewTable(t *testing.T) {
	t.Parallel()
	s := Spec{New: []Table{{Schema: "d", Name: "log_20??", Topic: "logs"}, {Schema: "d", Name: "*_x*"}, {Schema: "e", Name: "*"}}}
	for name, topic := range map[string]string{"log_2024": "logs", "a_x": "", "_xy": "", "日_x志": ""} {
		if got := s.NewTable("d", name); got == nil || got.Name != name || got.Topic != topic {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, name := range []string{"log_202", "log_20245", "ax", "", "_y"} {
		if got := s.NewTable("d", name); got != nil {
			t.Errorf("%s fits %+v", name, got)
		}
	}
	if s.NewTable("e", "any") == nil || s.NewTable("f", "any") != nil {
		t.Error("a database is not heeded")
	}
}
