package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/oracle"
)

// fault is one that was injected. One that is not survived ends its round, and the test with it.
type fault struct {
	Kind     string   `json:"kind"`
	Phase    string   `json:"phase"` // full or incremental
	Detail   string   `json:"detail"`
	Said     []string `json:"said,omitempty"` // codes that the task gave meanwhile
	Survived bool     `json:"survived"`       // delivers again: by itself, or after what the text of its code says was done
	Recovery float64  `json:"recovery_seconds"`
}

// result is what a round brought.
type result struct {
	Pair       string         `json:"pair"`
	Seed       uint64         `json:"seed"`
	Date       time.Time      `json:"date"`
	Command    string         `json:"command"`
	Seconds    float64        `json:"seconds"`
	Partitions int            `json:"partitions"`
	Committed  int            `json:"committed"` // transactions of the workload
	DDL        int            `json:"ddl"`
	Report     *oracle.Report `json:"report"` // nil: the round was not played to its end
	Faults     []*fault       `json:"faults"`
}

func (r *result) longest() time.Duration {
	var s float64
	for _, f := range r.Faults {
		s = max(s, f.Recovery)
	}
	return time.Duration(s * float64(time.Second))
}

func (r *result) write(t testing.TB, dir string) {
	t.Helper()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, fmt.Sprintf("%s.%d.json", strings.ReplaceAll(r.Pair, "/", "_"), r.Seed))
	if err := os.WriteFile(name, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
