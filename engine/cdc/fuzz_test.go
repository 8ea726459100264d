package cdc

import "testing"

// FuzzPosition: what is read as a position is written again and read as the same one.
func FuzzPosition(f *testing.F) {
	for _, s := range []string{"4711@78", "4711@78+3", "4711@78+3/2", "18446744073709551615@1000000", "@", "1@+", "-1@2", " 1@2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePosition(s)
		if err != nil {
			return
		}
		if again, err := ParsePosition(p.String()); err != nil || again != p {
			t.Fatalf("%q is %+v, written as %s, which is %+v (%v)", s, p, p, again, err)
		}
		if p.Compare(p) != 0 || p.Before(p) {
			t.Fatalf("%s is not itself", p)
		}
	})
}

// FuzzGTIDSet: what is read as a set is written in one form, which reads as the same set.
func FuzzGTIDSet(f *testing.F) {
	for _, s := range []string{"", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7", "3E11FA47-71CA-11E1-9E33-C80AA9429562:23,3e11fa47-71ca-11e1-9e33-c80aa9429563:tag:1-9223372036854775806",
		"3e11fa47-71ca-11e1-9e33-c80aa9429562:5-1", "0-1-5", "0-1-5,7-3-18446744073709551615", "0-1-5,0-2-9", "1-1"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, mariadb bool) {
		flavor := MySQL
		if mariadb {
			flavor = MariaDB
		}
		set, err := ParseGTIDSet(flavor, s)
		if err != nil {
			return
		}
		again, err := ParseGTIDSet(flavor, set.String())
		if err != nil || again.String() != set.String() {
			t.Fatalf("%q is written as %q, which is %v (%v)", s, set, again, err)
		}
		if !set.Includes(again) || !again.Includes(set) {
			t.Fatalf("%q and %q do not include each other", set, again)
		}
		clone := set.Clone()
		for _, tid := range []string{"3e11fa47-71ca-11e1-9e33-c80aa9429562:6", "0-9-7"} {
			if clone.Add(tid) != nil {
				continue
			}
			if !clone.Contains(tid) || !clone.Includes(set) {
				t.Fatalf("%q with %s is %q", set, tid, clone)
			}
		}
		if set.String() != again.String() {
			t.Fatalf("adding to a clone changed the set to %q", set)
		}
	})
}
