package shop

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
)

// The rows are the same at every start.
func TestRowsAreFixed(t *testing.T) {
	t.Parallel()
	total, sum := 0, fnv.New64a()
	for i, table := range tables {
		columns := strings.Count(table.columns, "c_") + 1
		n := 0
		for row := range table.rows(rand.New(rand.NewPCG(2026, uint64(i)))) {
			var b strings.Builder
			writeRow(&b, row)
			sum.Write([]byte(b.String()))
			if table.name == "field_types" && len(row) != columns {
				t.Fatalf("a row of %s has %d values for %d columns", table.name, len(row), columns)
			}
			n++
		}
		t.Logf("%s: %d rows", table.name, n)
		total += n
	}
	if got := fmt.Sprintf("%d rows, %x", total, sum.Sum64()); got != "200195 rows, c45443118ff67b54" {
		t.Errorf("the shop has %s", got)
	}
}

func TestWriteRow(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	writeRow(&b, []any{nil, 7, "it's 茶\n", []byte{0, 255}, float32(1.5), int64(-3), []byte{}})
	if got, want := b.String(), `(NULL,7,'it\'s 茶\n',x'00ff',1.5,-3,x'')`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The shares are of 100, and an order's total is that of its items.
func TestShares(t *testing.T) {
	t.Parallel()
	sum := 0
	for _, a := range actions {
		sum += a.share
	}
	if sum != 100 {
		t.Errorf("the shares are %d in all", sum)
	}
	order := 77
	cents := 0
	for _, row := range itemsOf(order, basket(order)) {
		var whole, part int
		if _, err := fmt.Sscanf(row[5].(string), "%d.%d", &whole, &part); err != nil {
			t.Fatal(err)
		}
		cents += row[4].(int) * (whole*100 + part)
	}
	if got := totalOf(basket(order)); got != fmt.Sprintf("%d.%02d", cents/100, cents%100) {
		t.Errorf("the total is %s, the items make %d cents", got, cents)
	}
}
