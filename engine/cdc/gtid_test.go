package cdc

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	uuidA = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	uuidB = "4350f323-7565-4e59-8763-4b1b83a0ce0e"
)

func parseSet(t testing.TB, f Flavor, s string) GTIDSet {
	t.Helper()
	set, err := ParseGTIDSet(f, s)
	if err != nil {
		t.Fatalf("ParseGTIDSet(%s, %q): %v", f, s, err)
	}
	return set
}

func TestParseGTIDSet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavor   Flavor
		in, want string
	}{
		{MySQL, "", ""},
		{MySQL, " \n", ""},
		{MySQL, uuidA + ":5", uuidA + ":5"},
		{MySQL, uuidA + ":1-5:7", uuidA + ":1-5:7"},
		{MySQL, uuidA + ":7:1-3:4-6", uuidA + ":1-7"},
		{MySQL, uuidA + ":1-10:3-4:2", uuidA + ":1-10"},
		{MySQL, uuidA + ":1:3:5:2-4", uuidA + ":1-5"},
		{MySQL, uuidA + ":1-9223372036854775806", uuidA + ":1-9223372036854775806"},
		{MySQL, uuidB + ":1-3,\n" + strings.ToUpper(uuidA) + ": 1 - 5 :7", uuidA + ":1-5:7," + uuidB + ":1-3"},
		{MySQL, uuidA + ":1-2," + uuidA + ":3", uuidA + ":1-3"},
		{MySQL, uuidA + ":tag_1:1-5", uuidA + ":tag_1:1-5"},
		{MySQL, uuidA + ":1-3:Tag:4", uuidA + ":1-3:tag:4"},
		{MySQL, uuidA + ":zz:4:aa:1-2:8," + uuidA + ":9", uuidA + ":9:aa:1-2:8:zz:4"},
		{MariaDB, "", ""},
		{MariaDB, "0-1-100", "0-1-100"},
		{MariaDB, "10-2-5, 2-1-3,\n0-1-100", "0-1-100,2-1-3,10-2-5"},
		{MariaDB, "0-1-100,0-2-101,0-3-99", "0-2-101"},
		{MariaDB, "4294967295-4294967295-18446744073709551615", "4294967295-4294967295-18446744073709551615"},
	} {
		if got := parseSet(t, c.flavor, c.in).String(); got != c.want {
			t.Errorf("%s %q = %q, want %q", c.flavor, c.in, got, c.want)
		}
	}
}

func TestParseGTIDSetMalformed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavor Flavor
		in     string
	}{
		{MySQL, uuidA}, {MySQL, uuidA + ":"}, {MySQL, uuidA + ":0"}, {MySQL, uuidA + ":5-3"}, {MySQL, uuidA + ":1-"},
		{MySQL, uuidA + ":-1"}, {MySQL, uuidA + ":1 2"}, {MySQL, uuidA + ":1::2"}, {MySQL, uuidA + ":tag"},
		{MySQL, uuidA + ":a:b:1"}, {MySQL, uuidA + ":9tag:1"}, {MySQL, uuidA + ":1,"}, {MySQL, ":1"}, {MySQL, "x" + uuidA[1:] + ":1"},
		{MySQL, uuidA + ":9223372036854775807"}, {MySQL, uuidA + ":99999999999999999999"}, {MySQL, "0-1-100"},
		{MySQL, uuidA + ":" + strings.Repeat("t", 33) + ":1"},
		{MariaDB, "0-1"}, {MariaDB, "0-1-"}, {MariaDB, "0-1-2-3"}, {MariaDB, "0-1-x"}, {MariaDB, "4294967296-1-1"}, {MariaDB, "0-1-1,"},
		{MariaDB, uuidA + ":1"}, {"other", ""},
	} {
		if set, err := ParseGTIDSet(c.flavor, c.in); err == nil {
			t.Errorf("%s %q gave %q, want an error", c.flavor, c.in, set)
		}
	}
}

func TestMySQLSetTIDs(t *testing.T) {
	t.Parallel()
	set := parseSet(t, MySQL, uuidA+":1-5:7:tag:2")
	for tid, want := range map[string]bool{
		uuidA + ":5": true, uuidA + ":6": false, uuidA + ":7": true, strings.ToUpper(uuidA) + ":1": true,
		uuidA + ":tag:2": true, uuidA + ":TAG:2": true, uuidA + ":tag:1": false, uuidA + ":other:2": false,
		uuidB + ":1": false, uuidA: false, uuidA + ":x": false, "": false, "0-1-1": false,
	} {
		if got := set.Contains(tid); got != want {
			t.Errorf("Contains(%q) = %v", tid, got)
		}
	}
	for _, bad := range []string{"", uuidA, uuidA + ":0", uuidA + ":1-2", uuidA + ":tag", uuidA + ":t-g:1", "x:1"} {
		if err := set.Add(bad); err == nil {
			t.Errorf("Add(%q) was taken", bad)
		}
	}
	if err := set.Add(strings.ToUpper(uuidA) + ":6"); err != nil {
		t.Fatal(err)
	}
	if got, want := set.String(), uuidA+":1-7:tag:2"; got != want {
		t.Errorf("after Add: %q, want %q", got, want)
	}
}

func TestMariaDBSetTIDs(t *testing.T) {
	t.Parallel()
	set := parseSet(t, MariaDB, "0-1-100,1-2-5")
	for tid, want := range map[string]bool{
		"0-1-100": true, "0-9-99": true, "0-1-101": false, "1-1-5": true, "1-1-6": false, "2-1-1": false, "0-1": false, "": false,
	} {
		if got := set.Contains(tid); got != want {
			t.Errorf("Contains(%q) = %v", tid, got)
		}
	}
	for _, tid := range []string{"0-7-50", "1-3-9", "4-1-1"} {
		if err := set.Add(tid); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := set.String(), "0-1-100,1-3-9,4-1-1"; got != want {
		t.Errorf("after Add: %q, want %q", got, want)
	}
	if err := set.Add("0-1-x"); err == nil {
		t.Error("a malformed tid was taken")
	}
}

func TestGTIDSetIncludes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavor Flavor
		a, b   string
		want   bool
	}{
		{MySQL, "", "", true},
		{MySQL, uuidA + ":1", "", true},
		{MySQL, "", uuidA + ":1", false},
		{MySQL, uuidA + ":1-10", uuidA + ":2-3:10", true},
		{MySQL, uuidA + ":1-4:6-10", uuidA + ":4-6", false},
		{MySQL, uuidA + ":1-4", uuidA + ":t:1", false},
		{MySQL, uuidA + ":1-4:t:1," + uuidB + ":1", uuidA + ":t:1", true},
		{MariaDB, "0-1-5", "0-2-5", true},
		{MariaDB, "0-1-5", "0-2-6", false},
		{MariaDB, "0-1-5", "1-1-1", false},
		{MariaDB, "0-1-5,1-1-1", "1-1-1", true},
	} {
		if got := parseSet(t, c.flavor, c.a).Includes(parseSet(t, c.flavor, c.b)); got != c.want {
			t.Errorf("%q includes %q = %v", c.a, c.b, got)
		}
	}
	if parseSet(t, MySQL, "").Includes(parseSet(t, MariaDB, "")) || parseSet(t, MariaDB, "").Includes(parseSet(t, MySQL, "")) {
		t.Error("sets of different flavors compare")
	}
}

// TestMySQLSetIsASet compares the set with a map of its members.
func TestMySQLSetIsASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sources := []string{uuidA, uuidB, uuidA + ":tag"}
		source := rapid.SampledFrom(sources)
		number := rapid.IntRange(1, 40)
		set, members := parseSet0(t, ""), map[string]bool{}
		var other GTIDSet
		otherMembers := map[string]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				tid := fmt.Sprintf("%s:%d", source.Draw(t, "source"), number.Draw(t, "n"))
				if err := set.Add(tid); err != nil {
					t.Fatal(err)
				}
				members[tid] = true
			},
			"parse": func(t *rapid.T) {
				name, lo, n := source.Draw(t, "source"), number.Draw(t, "lo"), rapid.IntRange(0, 9).Draw(t, "n")
				set = parseSet0(t, strings.Trim(set.String()+fmt.Sprintf(",%s:%d-%d", name, lo, lo+n), ","))
				for i := lo; i <= lo+n; i++ {
					members[fmt.Sprintf("%s:%d", name, i)] = true
				}
			},
			"keep": func(*rapid.T) {
				other, otherMembers = set.Clone(), map[string]bool{}
				for tid := range members {
					otherMembers[tid] = true
				}
			},
			"": func(t *rapid.T) {
				for _, name := range sources {
					for i := 1; i <= 50; i++ {
						if tid := fmt.Sprintf("%s:%d", name, i); set.Contains(tid) != members[tid] {
							t.Fatalf("%q Contains(%s) = %v", set, tid, set.Contains(tid))
						}
					}
				}
				if again := parseSet0(t, set.String()); again.String() != set.String() || !again.Includes(set) || !set.Includes(again) {
					t.Fatalf("%q reads back as %q", set, again)
				}
				if other != nil && (!set.Includes(other) || other.Includes(set) != (len(members) == len(otherMembers))) {
					t.Fatalf("%q and its earlier copy %q: Includes is wrong", set, other)
				}
			},
		})
	})
}

func parseSet0(t *rapid.T, s string) GTIDSet {
	set, err := ParseGTIDSet(MySQL, s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return set
}

func TestMariaDBSetIsItsNewest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set, newest := GTIDSet(mariaSet{}), map[int]int{}
		for range rapid.IntRange(0, 30).Draw(t, "adds") {
			d, n := rapid.IntRange(0, 3).Draw(t, "domain"), rapid.IntRange(1, 50).Draw(t, "seq")
			if err := set.Add(fmt.Sprintf("%d-%d-%d", d, rapid.IntRange(1, 3).Draw(t, "server"), n)); err != nil {
				t.Fatal(err)
			}
			newest[d] = max(newest[d], n)
		}
		again, err := ParseGTIDSet(MariaDB, set.String())
		if err != nil || again.String() != set.String() {
			t.Fatalf("%q reads back as %q, %v", set, again, err)
		}
		for d := range 4 {
			for n := 1; n <= 51; n++ {
				if got := again.Contains(fmt.Sprintf("%d-7-%d", d, n)); got != (n <= newest[d]) {
					t.Fatalf("%q Contains(%d-7-%d) = %v", set, d, n, got)
				}
			}
		}
	})
}

func TestGTIDSetClonesAreApart(t *testing.T) {
	t.Parallel()
	for flavor, c := range map[Flavor][2]string{MySQL: {uuidA + ":1-3", uuidA + ":4"}, MariaDB: {"0-1-3", "0-1-4"}} {
		set := parseSet(t, flavor, c[0])
		clone := set.Clone()
		if err := clone.Add(c[1]); err != nil {
			t.Fatal(err)
		}
		if set.Contains(c[1]) || !clone.Contains(c[1]) {
			t.Errorf("%s: the clone shares memory with its origin", flavor)
		}
	}
}

func TestMySQLSetAddAllocates(t *testing.T) {
	set := parseSet(t, MySQL, uuidA+":1-3")
	tids, n := make([]string, 1100), 0
	for i := range tids {
		tids[i] = fmt.Sprintf("%s:%d", uuidA, 4+i)
	}
	if got := testing.AllocsPerRun(1000, func() {
		_ = set.Add(tids[n])
		n++
	}); got > 0 {
		t.Errorf("adding the next transaction allocates %v times", got)
	}
}
