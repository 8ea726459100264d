package mysql

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"sluice/engine/cdc"
)

// Keys of text are cut at keys that are there, because only those are sure to be valid. Where to look for them is a
// guess: the texts between the first and the last key are taken for numbers in the digits that a few keys are made of
// (0-9, 0-9a-f, 0-9a-z). A bad guess makes ranges of unlike width and nothing worse.

const (
	sampled     = 30 // keys at each end
	digitsTaken = 8  // of a key, behind what all keys begin with
	alphabet    = "0123456789abcdefghijklmnopqrstuvwxyz"
)

// splitText gives keys that lie at even steps between the first and the last.
func (s *Source) splitText(ctx context.Context, t *cdc.Table, key []int, n int) ([]cdc.Row, error) {
	c := &t.Columns[key[0]]
	var rows []cdc.Row
	err := s.ask(ctx, "reading the range of "+t.TableID.String(), func(conn *conn) error {
		rows = nil
		name := QuoteName(c.Name)
		from := "SELECT HEX(CAST(" + name + " AS BINARY)) FROM " + quoteTable(t.TableID)
		order := " ORDER BY " + name
		limit := " LIMIT " + strconv.Itoa(sampled)
		var ends []string
		take := func(row []string) error {
			b, err := hex.DecodeString(row[0])
			ends = append(ends, string(b))
			return err
		}
		if err := conn.query(from+order+limit, take); err != nil {
			return err
		}
		if err := conn.query(from+order+" DESC"+limit, take); err != nil {
			return err
		}
		var probes []string
		for _, at := range guesses(ends, n) {
			text, err := literal(c, cdc.Value{Kind: cdc.KindText, Bytes: []byte(at)})
			if err != nil {
				return err
			}
			probes = append(probes, "("+from+" WHERE "+name+" >= "+text+order+" LIMIT 1)")
		}
		if len(probes) == 0 {
			return nil
		}
		return conn.query(strings.Join(probes, " UNION "), func(row []string) error {
			b, err := hex.DecodeString(row[0])
			rows = append(rows, cdc.Row{{Kind: cdc.KindText, Bytes: b}})
			return err
		})
	})
	return rows, err
}

// guesses gives n-1 texts at even steps between the keys of both ends; none if they are not made of ASCII characters.
func guesses(ends []string, n int) []string {
	if len(ends) < 2*sampled {
		return nil // a small table
	}
	first, last := ends[0], ends[sampled]
	prefix := 0
	for prefix < min(len(first), len(last)) && first[prefix] == last[prefix] {
		prefix++
	}
	base, upper := 10, false
	for _, k := range ends {
		for i := range len(k) {
			if k[i] < ' ' || k[i] > '~' {
				return nil
			}
			if i < prefix || i >= prefix+digitsTaken {
				continue
			}
			switch c := k[i] | 0x20; {
			case c >= 'a' && c <= 'f':
				base = max(base, 16)
			case c >= 'g' && c <= 'z':
				base = 36
			}
			upper = upper || k[i] >= 'A' && k[i] <= 'Z'
		}
	}
	low, high := number36(first[prefix:], base, 0), number36(last[prefix:], base, base-1)
	var out []string
	for i := 1; i < n && high > low; i++ {
		at := low + uint64(float64(high-low)*float64(i)/float64(n))
		digits := strconv.FormatUint(at, base)
		digits = fmt.Sprintf("%0*s", digitsTaken, digits)
		if upper {
			digits = strings.ToUpper(digits)
		}
		out = append(out, first[:prefix]+digits)
	}
	return out
}

// number36 reads the first digits of a text; what is none counts as the nearest one, what is missing as fill.
func number36(text string, base, fill int) (n uint64) {
	for i := range digitsTaken {
		d := fill
		if i < len(text) {
			d = strings.IndexByte(alphabet[:base], text[i]|0x20)
			if text[i] >= '0' && text[i] <= '9' {
				d = int(text[i] - '0')
			} else if d < 0 && text[i] > 'z' {
				d = base - 1
			}
		}
		n = n*uint64(base) + uint64(max(d, 0))
	}
	return n
}
