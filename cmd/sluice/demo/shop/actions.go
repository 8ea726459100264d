package shop

import (
	"strings"
	"time"
)

// action is something that happens in the shop, as one transaction.
type action struct {
	share int // of 100
	do    func(*session) error
}

var actions = []action{
	{20, (*session).placeOrder},
	{20, (*session).forgetOrder},
	{36, (*session).moveOrder},
	{6, (*session).changeProduct},
	{6, (*session).seeCustomer},
	{1, (*session).join},
	{1, (*session).leave},
	{7, (*session).view},
	{3, (*session).changeFields},
}

// transaction lets one thing happen.
func (s *session) transaction() error {
	if err := s.c.Begin(); err != nil {
		return err
	}
	n := s.r.IntN(100)
	for _, a := range actions {
		if n -= a.share; n < 0 {
			if err := a.do(s); err != nil {
				return err // the transaction ends with the connection
			}
			break
		}
	}
	return s.c.Commit()
}

func (s *session) exec(sql string, args ...any) error {
	_, err := s.c.Execute(sql, args...)
	return err
}

func now() time.Time { return time.Now().UTC() }

// anOrder gives one of the newest orders, where most happens.
func (s *session) anOrder() int { return s.next["orders"] - 1 - s.r.IntN(2000) }

func (s *session) placeOrder() error {
	id, items, at := s.next["orders"], fill(s.r), now()
	s.next["orders"]++
	message := or(s.r, 0.8, one(s.r, notes))
	if err := s.exec("INSERT INTO orders VALUES (?, ?, 'new', ?, ?, ?, ?, ?)", id, 1+s.r.IntN(customers), totalOf(items), one(s.r, []string{"CNY", "EUR"}), message,
		at.Format(micros), at.Format(millis)); err != nil {
		return err
	}
	for _, row := range itemsOf(id, items) {
		if err := s.exec("INSERT INTO order_items VALUES (?, ?, ?, ?, ?, ?)", row...); err != nil {
			return err
		}
		if err := s.exec("UPDATE products SET stock = stock - ?, updated_at = ? WHERE id = ?", row[4], at.Format(millis), row[2]); err != nil {
			return err
		}
	}
	return nil
}

// moveOrder brings an order one step on.
func (s *session) moveOrder() error {
	return s.exec("UPDATE orders SET status = IF(status = 'new' AND ? = 0, 'cancelled', ELT(FIELD(status, 'new', 'paid', 'packed', 'shipped'), 'paid', 'packed', 'shipped', 'done')), changed_at = ? WHERE id = ? AND status NOT IN ('done', 'cancelled')",
		s.r.IntN(12), now().Format(millis), s.anOrder())
}

// forgetOrder deletes the oldest order.
func (s *session) forgetOrder() error {
	if s.next["orders"]-s.low["orders"] <= orders {
		return s.placeOrder()
	}
	id := s.low["orders"]
	s.low["orders"]++
	if err := s.exec("DELETE FROM order_items WHERE order_id = ?", id); err != nil {
		return err
	}
	return s.exec("DELETE FROM orders WHERE id = ?", id)
}

func (s *session) changeProduct() error {
	id := 1 + s.r.IntN(products)
	if s.r.IntN(3) == 0 {
		return s.exec("UPDATE products SET title = ?, updated_at = ? WHERE id = ?", label(s.r), now().Format(millis), id)
	}
	return s.exec("UPDATE products SET price = ?, stock = stock + 500, updated_at = ? WHERE id = ?", cents(priceOf(id)*(80+s.r.IntN(40))/100), now().Format(millis), id)
}

func (s *session) seeCustomer() error {
	return s.exec("UPDATE customers SET points = points + ?, last_seen = ? WHERE id = ?", s.r.IntN(100), now().Format(millis), 1+s.r.IntN(customers))
}

func (s *session) join() error {
	id := s.next["customers"]
	s.next["customers"]++
	return s.exec("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", customerRow(s.r, id, now())...)
}

// leave deletes the newest customer; those of the beginning stay, as orders are theirs.
func (s *session) leave() error {
	if s.next["customers"] <= customers+500 {
		return s.join()
	}
	s.next["customers"]--
	return s.exec("DELETE FROM customers WHERE id = ?", s.next["customers"])
}

// view adds to the log without a key and takes from it, whichever row that is.
func (s *session) view() error {
	if err := s.exec("INSERT INTO page_views VALUES (?, ?, ?, ?, ?, ?)", viewRow(s.r, now())...); err != nil {
		return err
	}
	return s.exec("DELETE FROM page_views LIMIT 1")
}

// changeFields writes a whole row anew.
func (s *session) changeFields() error {
	row := append([]any{1 + s.r.IntN(fieldTypes)}, fields(s.r)...)
	return s.exec("REPLACE INTO field_types VALUES (?"+strings.Repeat(", ?", len(row)-1)+")", row...)
}
