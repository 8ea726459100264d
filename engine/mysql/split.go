package mysql

import (
	"context"
	"math/big"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// Split gives at most n-1 rows of key values, in any order, that cut the table into ranges of like width; none where
// the key is not a single column of integers or text.
func (s *Source) Split(ctx context.Context, t *cdc.Table, key []int, n int) ([]cdc.Row, error) {
	if len(key) != 1 || n < 2 {
		return nil, nil
	}
	c := &t.Columns[key[0]]
	if snapshot.Weighed(c) {
		return s.splitText(ctx, t, key, n)
	}
	if c.Type < cdc.TinyInt || c.Type > cdc.BigInt {
		return nil, nil
	}
	var low, high *big.Int
	err := s.ask(ctx, "reading the range of "+t.TableID.String(), func(conn *conn) error {
		low, high = nil, nil
		name := QuoteName(c.Name)
		return conn.query("SELECT MIN("+name+"), MAX("+name+") FROM "+quoteTable(t.TableID), func(row []string) error {
			low, _ = new(big.Int).SetString(row[0], 10)
			high, _ = new(big.Int).SetString(row[1], 10)
			return nil
		})
	})
	if err != nil || low == nil || high == nil {
		return nil, err // an empty table has no range
	}
	return cuts(low, high, n, c.Unsigned), nil
}

// cuts divides [low, high] into n parts; big numbers, because the width of a BIGINT range overflows.
func cuts(low, high *big.Int, n int, unsigned bool) []cdc.Row {
	width := new(big.Int).Sub(high, low)
	var rows []cdc.Row
	last := new(big.Int).Sub(low, big.NewInt(1))
	for i := 1; i < n; i++ {
		at := new(big.Int).Mul(width, big.NewInt(int64(i)))
		at.Add(at.Div(at, big.NewInt(int64(n))), low)
		if at.Cmp(last) <= 0 || at.Cmp(high) >= 0 {
			continue
		}
		last = at
		v := cdc.Value{Kind: cdc.KindInt, Num: at.Int64()}
		if unsigned {
			v = cdc.Value{Kind: cdc.KindUint, Num: int64(at.Uint64())}
		}
		rows = append(rows, cdc.Row{v})
	}
	return rows
}
