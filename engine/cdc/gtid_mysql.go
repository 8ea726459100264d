package cdc

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// mysqlSet maps a source ("uuid", or "uuid:tag" since 8.3) to its transactions. Keys are in lower case.
type mysqlSet map[string]*intervals

// interval holds lo to hi, both included.
type interval struct{ lo, hi uint64 }

// intervals rise, and at least one number is missing between two neighbours.
type intervals []interval

// maxGNO is the server's own limit.
const maxGNO = 1<<63 - 2

// parseMySQLSet reads "uuid:1-5:7,uuid:tag:1-3"; white space around the parts is allowed, as the server allows it.
func parseMySQLSet(s string) (GTIDSet, error) {
	set := mysqlSet{}
	if strings.TrimSpace(s) == "" {
		return set, nil
	}
	for item := range strings.SplitSeq(s, ",") {
		if err := set.addItem(item); err != nil {
			return nil, fmt.Errorf("GTID set %q: %w", s, err)
		}
	}
	return set, nil
}

// addItem adds one UUID with its intervals; a tag holds for the intervals behind it.
func (s mysqlSet) addItem(item string) error {
	uuid, rest, _ := strings.Cut(item, ":")
	uuid = strings.ToLower(strings.TrimSpace(uuid))
	if !isUUID(uuid) {
		return fmt.Errorf("%q is not a server UUID", uuid)
	}
	source, filled := uuid, false
	for part := range strings.SplitSeq(rest, ":") {
		part = strings.ToLower(strings.TrimSpace(part))
		if isTag(part) {
			if source != uuid && !filled {
				return fmt.Errorf("%s has no interval", source)
			}
			source, filled = uuid+":"+part, false
			continue
		}
		v, err := parseInterval(part)
		if err != nil {
			return err
		}
		s.source(source).add(v)
		filled = true
	}
	if !filled {
		return fmt.Errorf("%s has no interval", source)
	}
	return nil
}

func (s mysqlSet) source(name string) *intervals {
	l := s[name]
	if l == nil {
		l = new(intervals)
		s[name] = l
	}
	return l
}

func parseInterval(s string) (interval, error) {
	from, to, ranged := strings.Cut(s, "-")
	lo, err := parseGNO(strings.TrimSpace(from))
	if err != nil {
		return interval{}, err
	}
	if !ranged {
		return interval{lo, lo}, nil
	}
	hi, err := parseGNO(strings.TrimSpace(to))
	if err != nil {
		return interval{}, err
	}
	if hi < lo {
		return interval{}, fmt.Errorf("interval %q ends before it starts", s)
	}
	return interval{lo, hi}, nil
}

func parseGNO(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || n > maxGNO {
		return 0, fmt.Errorf("%q is not a transaction number", s)
	}
	return n, nil
}

// splitTID gives the source and the number of "uuid:gno" or "uuid:tag:gno". A known source costs no allocation.
func (s mysqlSet) splitTID(tid string) (string, uint64, error) {
	i := strings.LastIndexByte(tid, ':')
	if i < 0 {
		return "", 0, fmt.Errorf("%q is not a MySQL transaction identifier", tid)
	}
	n, err := parseGNO(tid[i+1:])
	if err != nil {
		return "", 0, fmt.Errorf("transaction %q: %w", tid, err)
	}
	source := tid[:i]
	if s[source] != nil {
		return source, n, nil
	}
	source = strings.ToLower(source)
	uuid, tag, tagged := strings.Cut(source, ":")
	if !isUUID(uuid) || tagged && !isTag(tag) {
		return "", 0, fmt.Errorf("%q is not a MySQL transaction identifier", tid)
	}
	return source, n, nil
}

func (s mysqlSet) Contains(tid string) bool {
	source, n, err := s.splitTID(tid)
	if err != nil || s[source] == nil {
		return false
	}
	return s[source].covers(interval{n, n})
}

func (s mysqlSet) Add(tid string) error {
	source, n, err := s.splitTID(tid)
	if err != nil {
		return err
	}
	s.source(source).add(interval{n, n})
	return nil
}

func (s mysqlSet) Includes(o GTIDSet) bool {
	other, ok := o.(mysqlSet)
	if !ok {
		return false
	}
	for source, l := range other {
		mine := s[source]
		if mine == nil {
			return false
		}
		for _, v := range *l {
			if !mine.covers(v) {
				return false
			}
		}
	}
	return true
}

func (s mysqlSet) Clone() GTIDSet {
	out := make(mysqlSet, len(s))
	for source, l := range s {
		c := slices.Clone(*l)
		out[source] = &c
	}
	return out
}

// String sorts by UUID and writes each once: first its intervals without a tag, then those of each tag.
func (s mysqlSet) String() string {
	var b []byte
	last := ""
	for _, source := range slices.Sorted(maps.Keys(s)) {
		uuid, tag, tagged := strings.Cut(source, ":")
		if uuid != last {
			if last != "" {
				b = append(b, ',')
			}
			b = append(b, uuid...)
			last = uuid
		}
		if tagged {
			b = append(append(b, ':'), tag...)
		}
		for _, v := range *s[source] {
			b = strconv.AppendUint(append(b, ':'), v.lo, 10)
			if v.hi > v.lo {
				b = strconv.AppendUint(append(b, '-'), v.hi, 10)
			}
		}
	}
	return string(b)
}

// add merges v in. The common case, the number after the last one, only moves the end.
func (l *intervals) add(v interval) {
	list := *l
	if n := len(list); n > 0 && list[n-1].lo <= v.lo && v.lo <= list[n-1].hi+1 {
		list[n-1].hi = max(list[n-1].hi, v.hi)
		return
	}
	from := sort.Search(len(list), func(i int) bool { return list[i].hi+1 >= v.lo })
	to := from + sort.Search(len(list)-from, func(i int) bool { return list[from+i].lo > v.hi+1 })
	if from < to {
		v.lo = min(v.lo, list[from].lo)
		v.hi = max(v.hi, list[to-1].hi)
	}
	*l = slices.Replace(list, from, to, v)
}

func (l *intervals) covers(v interval) bool {
	list := *l
	i := sort.Search(len(list), func(i int) bool { return list[i].hi >= v.lo })
	return i < len(list) && list[i].lo <= v.lo && v.hi <= list[i].hi
}

// isUUID wants lower case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// isTag wants lower case: a letter or underscore, then up to 31 letters, digits and underscores.
func isTag(s string) bool {
	if s == "" || len(s) > 32 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
