package cdc

import (
	"fmt"
	"strings"
)

// Missing names the first transaction of want that a server lacks; it is empty if the server has them all. finished is
// what the server says of itself: gtid_executed on MySQL, gtid_binlog_state on MariaDB, which unlike its gtid_binlog_pos
// tells the transactions of each origin apart.
func Missing(flavor Flavor, finished string, want GTIDSet) (string, error) {
	switch want := want.(type) {
	case mysqlSet:
		have, err := parseMySQLSet(finished)
		if err != nil {
			return "", err
		}
		return have.(mysqlSet).missing(want), nil
	case mariaSet:
		return want.missingIn(finished)
	}
	return "", fmt.Errorf("sets of flavor %q do not compare with %T", flavor, want)
}

// missing gives the lowest number of the first source, by name, that has one.
func (s mysqlSet) missing(want mysqlSet) string {
	for _, source := range sortedKeys(want) {
		mine := s[source]
		for _, v := range *want[source] {
			if n, ok := mine.lowestOutside(v); ok {
				return fmt.Sprintf("%s:%d", source, n)
			}
		}
	}
	return ""
}

// lowestOutside gives the lowest number of v that is in no interval.
func (l *intervals) lowestOutside(v interval) (uint64, bool) {
	n := v.lo
	if l != nil {
		for _, i := range *l {
			if i.lo <= n && n <= i.hi {
				n = i.hi + 1
			}
		}
	}
	return n, n <= v.hi
}

// missingIn looks into a gtid_binlog_state, which holds the newest transaction of each origin in each domain.
func (s mariaSet) missingIn(state string) (string, error) {
	type origin struct{ domain, server uint32 }
	newest := map[origin]uint64{}
	for item := range strings.SplitSeq(state, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		domain, g, err := splitMariaTID(item)
		if err != nil {
			return "", fmt.Errorf("GTID state %q: %w", state, err)
		}
		newest[origin{domain, g.server}] = g.seq
	}
	for _, domain := range sortedKeys(s) {
		if g := s[domain]; newest[origin{domain, g.server}] < g.seq {
			return fmt.Sprintf("%d-%d-%d", domain, g.server, g.seq), nil
		}
	}
	return "", nil
}
