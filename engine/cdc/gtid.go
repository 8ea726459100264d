package cdc

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// GTIDSet is a set of transactions. A MySQL set holds intervals a server UUID (and tag); a MariaDB one the newest
// sequence number a replication domain, which is a set only where the numbers of a domain rise.
type GTIDSet interface {
	// Contains reports whether the transaction is in the set; an unreadable tid is not.
	Contains(tid string) bool
	// Add puts the transaction into the set.
	Add(tid string) error
	// Includes reports whether every transaction of o is in the set; o has the same flavor.
	Includes(o GTIDSet) bool
	// Clone gives a set that can be changed apart from this one.
	Clone() GTIDSet
	// String is the server's own notation, in a fixed order.
	String() string
}

// ParseGTIDSet reads a set in the server's notation; the empty string is the empty set.
func ParseGTIDSet(flavor Flavor, s string) (GTIDSet, error) {
	switch flavor {
	case MySQL:
		if u, ok := parseUpto(s); ok {
			return u, nil
		}
		return parseMySQLSet(s)
	case MariaDB:
		return parseMariaDBSet(s)
	}
	return nil, fmt.Errorf("unknown flavor %q", flavor)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
