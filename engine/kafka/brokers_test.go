package kafka

import (
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kversion"
)

// Every Kafka that is known lies in the range that its own answer gives, and the ends of the range answer the same.
func TestVersions(t *testing.T) {
	t.Parallel()
	answers := map[string]int16{} // the version of Fetch by that of Kafka
	for _, name := range kversion.VersionStrings() {
		const fetch = 1
		version, ok := kversion.FromString(name).LookupMaxKeyVersion(fetch)
		// 0.10.1 is the oldest that is supported.
		if old := name == "v0.10.0"; ok && !old && minorOf(t, short(strings.TrimPrefix(name, "v"))) >= 10 {
			name = short(strings.TrimPrefix(name, "v"))
			answers[name] = version
		}
	}
	if len(answers) < 15 {
		t.Fatalf("only %d versions were found", len(answers))
	}
	for name, version := range answers {
		from, to := versions(version)
		if from == "" || minorOf(t, from) > minorOf(t, name) || to != "" && minorOf(t, to) < minorOf(t, name) {
			t.Errorf("%s answers with Fetch %d and is taken for %q to %q", name, version, from, to)
		}
		for _, end := range []string{from, to} {
			if end != "" && answers[end] != version {
				t.Errorf("%s answers with Fetch %d, and %s, the end of its range, with %d", name, version, end, answers[end])
			}
		}
	}
}

// short leaves the first two numbers of a version.
func short(name string) string {
	words := strings.SplitN(name, ".", 3)
	return strings.Join(words[:min(len(words), 2)], ".")
}

func minorOf(t *testing.T, name string) int {
	t.Helper()
	a, b, _ := strings.Cut(name, ".")
	major, err1 := strconv.Atoi(a)
	minor, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil {
		t.Fatalf("%q is no version", name)
	}
	return 1000*major + minor
}
