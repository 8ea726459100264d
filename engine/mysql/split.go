package mysql

import (
	"context"
	"math/big"
	"strconv"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// leastRows is what a range should have at least: each range costs a view, a look at the definition and a few syncs of the
// disk, as much as reading some thousand rows. Tables that are not cut share these.
const leastRows = 10_000

// Split gives at most n-1 rows of key values, in any order, that cut the table into ranges of like width; none where
// the key is not a single column of integers or text, or where the table is small.
func (s *Source) Split(ctx context.Context, t *cdc.Table, key []int, n int) ([]cdc.Row, error) {
	if len(key) != 1 || n < 2 {
		return nil, nil
	}
	c := &t.Columns[key[0]]
	if !snapshot.Weighed(c) && (c.Type < cdc.TinyInt || c.Type > cdc.BigInt) {
		return nil, nil
	}
	rows, err := s.atMost(ctx, t, int64(n)*leastRows)
	if n = min(n, int(rows/leastRows)); err != nil || n < 2 {
		return nil, err
	}
	if snapshot.Weighed(c) {
		return s.splitText(ctx, t, key, n)
	}
	var low, high *big.Int
	err = s.ask(ctx, "reading the range of "+t.TableID.String(), func(conn *conn) error {
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

// atMost counts the rows of a table up to a limit. The server's own estimate may be days old.
func (s *Source) atMost(ctx context.Context, t *cdc.Table, limit int64) (rows int64, err error) {
	err = s.ask(ctx, "counting rows of "+t.TableID.String(), func(c *conn) error {
		return c.query("SELECT COUNT(*) FROM (SELECT 1 FROM "+quoteTable(t.TableID)+" LIMIT "+strconv.FormatInt(limit, 10)+") AS few", func(row []string) (err error) {
			rows, err = strconv.ParseInt(row[0], 10, 64)
			return err
		})
	})
	return rows, err
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
