package snapshot

import (
	"context"
	"fmt"
	"strings"

	"sluice/engine/cdc"
)

// Text is a value of a text column that is ordered by a collation which only the server knows.
type Text struct{ Charset, Collation, Value string }

// Weights are bytes for texts: those of one collation have the order and the equality that the server gives to the
// texts. They depend on nothing but the text and the server's version, so that they may be asked for at any time.
type Weights map[Text][]byte

// Weigher is the server's part of ordering texts.
type Weigher interface {
	// Weigh gives the weights of these texts.
	Weigh(ctx context.Context, texts []Text) (Weights, error)
}

// Weighed reports whether the column's values are ordered by weights that the server gives. The collations are those
// whose weights were compared with the server's own order (TestWeights of engine/mysql).
func Weighed(c *cdc.Column) bool {
	switch c.Type {
	case cdc.Char:
		// MariaDB orders CHAR of a NO PAD collation with the spaces that it does not hand out.
		return weighed(c.Collation) && !strings.Contains(c.Collation, "nopad_")
	case cdc.VarChar:
		return weighed(c.Collation)
	}
	return false
}

func weighed(collation string) bool {
	return collation != "" && collation != byValue && !contrary(collation)
}

// byValue is the collation whose order is that of the bytes.
const byValue = "utf8mb4_0900_bin"

// Padded reports whether texts of the collation are compared as if spaces without end followed them (PAD SPACE).
func Padded(collation string) bool {
	return !strings.Contains(collation, "_0900_") && !strings.Contains(collation, "nopad_")
}

// contrary reports whether the weights of a collation do not tell its order: the server compares by other rules than
// those it makes weights by, or compares in levels each of which is padded for itself.
func contrary(collation string) bool {
	switch collation {
	case "binary", "big5_chinese_ci", "big5_chinese_nopad_ci", "gb18030_chinese_ci", "tis620_thai_ci", "tis620_thai_nopad_ci",
		"cp1250_czech_cs", "latin2_czech_cs":
		return true
	}
	if strings.Contains(collation, "_uca1400_") && Padded(collation) {
		return !strings.HasSuffix(collation, "_ai_ci")
	}
	return strings.HasSuffix(collation, "_w2")
}

// WeighedIn gives those columns of the key that are ordered by weights.
func WeighedIn(t *cdc.Table, key []int) (out []int) {
	for _, k := range key {
		if Weighed(&t.Columns[k]) {
			out = append(out, k)
		}
	}
	return out
}

// Want adds a value of such a column to those that are to be weighed.
func (w Weights) Want(c *cdc.Column, v *cdc.Value) {
	if text := textOf(c, v); w[text] == nil {
		w[text] = nil
	}
}

// Has reports whether the value's weight is known.
func (w Weights) Has(c *cdc.Column, v *cdc.Value) bool { return w[textOf(c, v)] != nil }

// Ask asks for those that are wanted and not known.
func (w Weights) Ask(ctx context.Context, from Weigher) error {
	var texts []Text
	for t, weight := range w {
		if weight == nil {
			texts = append(texts, t)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	got, err := from.Weigh(ctx, texts)
	if err != nil {
		return err
	}
	for _, t := range texts {
		weight, ok := got[t]
		if !ok {
			return fmt.Errorf("no weight of %q came", t.Value)
		}
		w[t] = append([]byte{}, weight...)
	}
	return nil
}

func textOf(c *cdc.Column, v *cdc.Value) Text { return Text{c.Charset, c.Collation, string(v.Bytes)} }
