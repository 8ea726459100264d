package shop

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// opened is when the shop's oldest rows were made: fixed, so that the rows are the same each time.
var opened = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)

const (
	seconds = "2006-01-02 15:04:05"
	millis  = "2006-01-02 15:04:05.000"
	micros  = "2006-01-02 15:04:05.000000"
)

// count makes rows 1 to n.
func count(n int, row func(id int) []any) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for id := 1; id <= n && yield(row(id)); id++ {
		}
	}
}

func customerRows(r *rand.Rand) iter.Seq[[]any] {
	return count(customers, func(id int) []any { return customerRow(r, id, opened.Add(time.Duration(id)*7*time.Minute)) })
}

func customerRow(r *rand.Rand, id int, at time.Time) []any {
	return []any{id, label(r), fmt.Sprintf("customer%d@shop.example", id), one(r, cities), or(r, 0.7, one(r, notes)), r.IntN(5000), r.IntN(10) / 9,
		or(r, 0.3, opened.AddDate(-20-r.IntN(50), 0, r.IntN(365)).Format(time.DateOnly)), at.Format(millis), or(r, 0.2, at.Add(time.Duration(r.IntN(1e6))*time.Second).Format(millis))}
}

// priceOf gives a product's first price in cents.
func priceOf(product int) int { return 199 + product*7919%29_900 }

func titleOf(product int) string { return label(rand.New(rand.NewPCG(1, uint64(product)))) }

func productRows(r *rand.Rand) iter.Seq[[]any] {
	labels := []string{"", "new", "sale", "热卖", "new,sale", "热卖,organic"}
	return count(products, func(id int) []any {
		return []any{id, fmt.Sprintf("SKU-%08d", id), titleOf(id), 1 + r.IntN(6), one(r, labels), cents(priceOf(id)), r.IntN(1000), or(r, 0.1, float64(r.IntN(90_000))/1000),
			or(r, 0.2, fmt.Sprintf(`{"颜色": %q, "sizes": [%d, %d], "gift": %v}`, one(r, adjectives), r.IntN(40), r.IntN(40), r.IntN(2) == 0)), opened.Add(time.Duration(id) * time.Minute).Format(millis)}
	})
}

// item is one line of an order.
type item struct{ product, quantity int }

// basket gives what an order of the beginning holds: the same for the order and for its items.
func basket(order int) []item { return fill(rand.New(rand.NewPCG(2, uint64(order)))) }

func fill(r *rand.Rand) []item {
	out := make([]item, 1+r.IntN(3))
	for i := range out {
		out[i] = item{1 + r.IntN(products), 1 + r.IntN(4)}
	}
	return out
}

func totalOf(items []item) string {
	sum := 0
	for _, i := range items {
		sum += i.quantity * priceOf(i.product)
	}
	return cents(sum)
}

func orderRows(r *rand.Rand) iter.Seq[[]any] {
	return count(orders, func(id int) []any {
		status := 5 // done
		if r.IntN(12) == 0 {
			status = 1 + r.IntN(6)
		}
		at := opened.Add(time.Duration(id)*3*time.Minute + time.Duration(r.IntN(1e6))*time.Microsecond)
		return []any{id, 1 + r.IntN(customers), status, totalOf(basket(id)), one(r, []string{"CNY", "EUR"}), or(r, 0.8, one(r, notes)), at.Format(micros), at.Add(time.Hour).Format(millis)}
	})
}

func itemRows(*rand.Rand) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for order := 1; order <= orders; order++ {
			for _, row := range itemsOf(order, basket(order)) {
				if !yield(row) {
					return
				}
			}
		}
	}
}

func itemsOf(order int, items []item) [][]any {
	var out [][]any
	for i, it := range items {
		out = append(out, []any{order, i + 1, it.product, titleOf(it.product), it.quantity, cents(priceOf(it.product))})
	}
	return out
}

func viewRows(r *rand.Rand) iter.Seq[[]any] {
	return count(pageViews, func(id int) []any { return viewRow(r, opened.Add(time.Duration(id)*time.Minute)) })
}

func viewRow(r *rand.Rand, at time.Time) []any {
	return []any{fmt.Sprintf("%012x", r.Uint64()>>16), or(r, 0.6, 1+r.IntN(customers)), path(r), one(r, agents), r.IntN(600), at.Format(millis)}
}

func fieldRows(r *rand.Rand) iter.Seq[[]any] {
	return count(fieldTypes, func(id int) []any {
		row := []any{id}
		for _, value := range fields(r) {
			row = append(row, or(r, 0.05, value))
		}
		return row
	})
}

// fields gives a value for each column of field_types but its key.
func fields(r *rand.Rand) []any {
	bytes := func(n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(r.Uint32())
		}
		return out
	}
	at := opened.Add(time.Duration(r.Int64N(1e7)) * time.Second).Add(time.Duration(r.IntN(1e6)) * time.Microsecond)
	return []any{
		r.IntN(256) - 128, r.IntN(256), r.IntN(65536) - 32768, r.IntN(65536), r.IntN(1<<24) - 1<<23, r.IntN(1 << 24),
		int32(r.Uint32()), r.Uint32(), int64(r.Uint64()), r.Uint64(),
		fmt.Sprintf("%d.%03d", r.IntN(1e9)-5e8, r.IntN(1000)), fmt.Sprintf("%d.%010d", r.Int64(), r.IntN(1e10)),
		float32(math.Round(r.NormFloat64() * 1e4)), r.NormFloat64() * 1e12,
		r.IntN(2), r.Int64N(1 << 40),
		1901 + r.IntN(255), at.Format(time.DateOnly), fmt.Sprintf("%d:%02d:%02d", r.IntN(1676)-838, r.IntN(60), r.IntN(60)), at.Format("15:04:05.000000"),
		at.Format(seconds), at.Format(micros), at.Format(seconds), at.Format(micros),
		one(r, nouns), label(r) + " — " + one(r, notes), one(r, []string{"café", "naïve", "Größe €"}), one(r, []string{"茶杯", "自行车", "笔记本"}),
		label(r), one(r, notes), one(r, notes) + "\n" + one(r, notes), label(r),
		bytes(8), bytes(r.IntN(32)), bytes(r.IntN(40)), bytes(r.IntN(200)), bytes(r.IntN(300)), bytes(r.IntN(400)),
		1 + r.IntN(3), r.IntN(16), fmt.Sprintf(`{"值": %d, "list": [true, null, %q], "深": {"a": %.3f}}`, r.IntN(1000), one(r, nouns), r.Float64()),
	}
}
