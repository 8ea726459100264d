package mysql

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"

	"sluice/engine/snapshot"
)

// What one statement asks for at most.
const (
	weighTexts = 500
	weighBytes = 1 << 20
)

// Weigh asks the server for the weights of texts: WEIGHT_STRING is what it sorts by itself.
func (s *Source) Weigh(ctx context.Context, texts []snapshot.Text) (snapshot.Weights, error) {
	out := make(snapshot.Weights, len(texts))
	for len(texts) > 0 {
		n, size := 0, 0
		for n < len(texts) && n < weighTexts && (n == 0 || size+len(texts[n].Value) < weighBytes/2) {
			size += len(texts[n].Value)
			n++
		}
		err := s.ask(ctx, "ordering text keys", func(c *conn) error { return c.weigh(s, texts[:n], out) })
		if err != nil {
			return nil, err
		}
		texts = texts[n:]
	}
	return out, nil
}

func (c *conn) weigh(s *Source, texts []snapshot.Text, out snapshot.Weights) error {
	sql := []byte("SELECT ")
	for i, t := range texts {
		if i > 0 {
			sql = append(sql, ',')
		}
		sql = append(sql, "WEIGHT_STRING(_"+t.Charset+" x'"...)
		sql = append(hex.AppendEncode(sql, []byte(t.Value)), "' COLLATE "+t.Collation+")"...)
	}
	return c.query(string(sql), func(row []string) error {
		for i, t := range texts {
			pad, err := s.pad(c, t.Charset, t.Collation)
			if err != nil {
				return err
			}
			w, err := appendSortable([]byte{}, []byte(row[i]), pad)
			if err != nil {
				return &undecodable{fmt.Errorf("%w in %s", err, t.Collation)}
			}
			out[t] = w
		}
		return nil
	})
}

// pad gives the weight of the space that texts of a PAD SPACE collation are compared with behind their end; none where
// a text just ends.
func (s *Source) pad(c *conn, charset, collation string) ([]byte, error) {
	if !snapshot.Padded(collation) {
		return nil, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if pad, ok := s.pads[collation]; ok {
		return pad, nil
	}
	var pad []byte
	err := c.query("SELECT WEIGHT_STRING(CONVERT(' ' USING "+charset+") COLLATE "+collation+")", func(row []string) error {
		pad = []byte(row[0])
		return nil
	})
	if err == nil && len(pad) == 0 {
		err = &undecodable{fmt.Errorf("the server gives no weight of a space in %s", collation)}
	}
	if err != nil {
		return nil, err
	}
	if s.pads == nil {
		s.pads = map[string][]byte{}
	}
	s.pads[collation] = pad
	return pad, nil
}

// How what follows a place in a padded text compares with nothing but spaces.
const (
	restLess = iota + 1
	restSpaces
	restGreater
)

// appendSortable appends bytes that order as the weight does. A padded one is compared as if pad followed it for ever:
// before it and after each of its units stands how the rest compares with that, so that a text which ends is held
// against what the other has there, and not simply less.
func appendSortable(dst, weight, pad []byte) ([]byte, error) {
	u := len(pad)
	if u == 0 {
		return append(dst, weight...), nil
	}
	if len(weight)%u != 0 {
		return dst, fmt.Errorf("a weight of %d bytes where that of a space has %d", len(weight), u)
	}
	for bytes.HasSuffix(weight, pad) {
		weight = weight[:len(weight)-u]
	}
	n := len(weight) / u
	at := len(dst)
	dst = append(dst, make([]byte, n*(u+1)+1)...)
	rest := byte(restSpaces)
	for i := n; ; i-- {
		dst[at+i*(u+1)] = rest
		if i == 0 {
			return dst, nil
		}
		unit := weight[(i-1)*u : i*u]
		copy(dst[at+(i-1)*(u+1)+1:], unit)
		switch bytes.Compare(unit, pad) {
		case -1:
			rest = restLess
		case 1:
			rest = restGreater
		}
	}
}

// weightOf is the expression for a column's weight. CONCAT keeps the server from padding it to the column's length.
func weightOf(name string) string { return "WEIGHT_STRING(CONCAT(" + name + "))" }
