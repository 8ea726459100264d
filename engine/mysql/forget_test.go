package mysql

import "testing"

// TestForget: what one server said of its collations is not held for what another says.
func TestForget(t *testing.T) {
	t.Parallel()
	s := &Source{collations: map[uint64]collation{1: {}}, pads: map[string][]byte{"big5_chinese_ci": {32}}}
	if known, err := s.loadCollations(t.Context()); err != nil || len(known) != 1 {
		t.Fatal(known, err)
	}
	s.forget()
	if s.collations != nil || s.pads != nil {
		t.Errorf("it still knows %v and %v", s.collations, s.pads)
	}
}
