package mysql

import (
	"fmt"
	"math/bits"
	"strings"

	"sluice/engine/cdc"
)

// labelSet turns the numbers of one ENUM or SET column into values. It keeps what it made, as columns repeat.
type labelSet struct {
	labels []string
	made   map[uint64][]byte
}

func (l *labelSet) value(t cdc.Type, n uint64) (cdc.Value, error) {
	text, ok := l.made[n]
	if !ok {
		var err error
		if text, err = l.text(t, n); err != nil {
			return cdc.Value{}, err
		}
		if l.made == nil || len(l.made) >= 4096 {
			l.made = map[uint64][]byte{}
		}
		l.made[n] = text
	}
	kind := cdc.KindEnum
	if t == cdc.Set {
		kind = cdc.KindSet
	}
	return cdc.Value{Kind: kind, Num: int64(n), Bytes: text}, nil
}

func (l *labelSet) text(t cdc.Type, n uint64) ([]byte, error) {
	if t == cdc.Enum {
		if n > uint64(len(l.labels)) {
			return nil, fmt.Errorf("ENUM holds %d and has %d labels", n, len(l.labels))
		}
		if n == 0 {
			return []byte{}, nil
		}
		return []byte(l.labels[n-1]), nil
	}
	if bits.Len64(n) > len(l.labels) {
		return nil, fmt.Errorf("SET holds bit %d and has %d labels", bits.Len64(n), len(l.labels))
	}
	var chosen []string
	for i, label := range l.labels {
		if n&(1<<i) != 0 {
			chosen = append(chosen, label)
		}
	}
	return []byte(strings.Join(chosen, ",")), nil
}
