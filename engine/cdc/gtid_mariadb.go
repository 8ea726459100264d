package cdc

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// mariaSet maps a replication domain to its newest transaction; all with smaller numbers count as contained.
type mariaSet map[uint32]mariaGTID

type mariaGTID struct {
	server uint32
	seq    uint64
}

// parseMariaDBSet reads "0-1-100,1-2-5". Of two entries with one domain (gtid_binlog_state) the newest stays.
func parseMariaDBSet(s string) (GTIDSet, error) {
	set := mariaSet{}
	if strings.TrimSpace(s) == "" {
		return set, nil
	}
	for item := range strings.SplitSeq(s, ",") {
		if err := set.Add(strings.TrimSpace(item)); err != nil {
			return nil, fmt.Errorf("GTID position %q: %w", s, err)
		}
	}
	return set, nil
}

func splitMariaTID(tid string) (domain uint32, g mariaGTID, err error) {
	a, rest, _ := strings.Cut(tid, "-")
	b, c, _ := strings.Cut(rest, "-")
	d, err1 := strconv.ParseUint(a, 10, 32)
	s, err2 := strconv.ParseUint(b, 10, 32)
	n, err3 := strconv.ParseUint(c, 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return 0, g, fmt.Errorf("%q is not domain-server-sequence", tid)
	}
	return uint32(d), mariaGTID{server: uint32(s), seq: n}, nil
}

func (s mariaSet) Contains(tid string) bool {
	domain, g, err := splitMariaTID(tid)
	newest, known := s[domain]
	return err == nil && known && g.seq <= newest.seq
}

func (s mariaSet) Add(tid string) error {
	domain, g, err := splitMariaTID(tid)
	if err != nil {
		return err
	}
	if newest, known := s[domain]; !known || g.seq > newest.seq {
		s[domain] = g
	}
	return nil
}

func (s mariaSet) Includes(o GTIDSet) bool {
	other, ok := o.(mariaSet)
	if !ok {
		return false
	}
	for domain, g := range other {
		if newest, known := s[domain]; !known || g.seq > newest.seq {
			return false
		}
	}
	return true
}

func (s mariaSet) Clone() GTIDSet { return maps.Clone(s) }

func (s mariaSet) String() string {
	var b []byte
	for i, domain := range slices.Sorted(maps.Keys(s)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(domain), 10)
		b = strconv.AppendUint(append(b, '-'), uint64(s[domain].server), 10)
		b = strconv.AppendUint(append(b, '-'), s[domain].seq, 10)
	}
	return string(b)
}
