package matrix

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/oracle"
)

// result is what came of a cell.
type result struct {
	cell
	Version   string         `json:"version"` // of the source, as it says it
	Date      time.Time      `json:"date"`
	Seconds   float64        `json:"seconds"`
	Committed int            `json:"committed"`         // transactions of the workload
	Refused   []string       `json:"refused,omitempty"` // codes of what the broker's version lacks; the cell was then played without
	Warned    []string       `json:"warned,omitempty"`  // checks of the precheck that failed as warnings
	Report    *oracle.Report `json:"report"`            // nil: not played to its end
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
	name := filepath.Join(dir, strings.NewReplacer("/", "_", "=", "-").Replace(r.name())+".json")
	if err := os.WriteFile(name, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
