package mysql

import (
	"context"
	"fmt"
	"strconv"

	"sluice/engine/cdc"
	"sluice/engine/charset"
)

// collation is what a collation id of a table map stands for.
type collation struct {
	name    string
	charset string
	width   int // most bytes a character
}

// loadCollations reads the server's collations once. It asks without holding loading, which is taken within questions.
func (s *Source) loadCollations(ctx context.Context) (map[uint64]collation, error) {
	s.loading.Lock()
	known := s.collations
	s.loading.Unlock()
	if known != nil {
		return known, nil
	}
	all := map[uint64]collation{}
	err := s.ask(ctx, "reading the source's collations", func(c *conn) error {
		return c.query(collationsSQL(s.server.Flavor, s.version), func(row []string) error {
			id, err := strconv.ParseUint(row[0], 10, 64)
			if err != nil {
				return nil // MariaDB names collations without an id
			}
			all[id] = collation{row[1], charsetName(row[2]), number(row[3])}
			return nil
		})
	})
	if err == nil {
		s.loading.Lock()
		s.collations = all
		s.loading.Unlock()
	}
	return all, err
}

// collationsSQL: since MariaDB 10.10 one collation serves several charsets, and the id belongs to the pair.
func collationsSQL(flavor cdc.Flavor, v version) string {
	if flavor == cdc.MariaDB && v.atLeast(10, 10) {
		return "SELECT a.id, a.full_collation_name, a.character_set_name, c.maxlen FROM information_schema.collation_character_set_applicability a" +
			" JOIN information_schema.character_sets c ON c.character_set_name = a.character_set_name"
	}
	return "SELECT l.id, l.collation_name, l.character_set_name, c.maxlen FROM information_schema.collations l" +
		" JOIN information_schema.character_sets c ON c.character_set_name = l.character_set_name"
}

func lookup(all map[uint64]collation) func(uint64) (collation, error) {
	return func(id uint64) (collation, error) {
		if c, ok := all[id]; ok {
			return c, nil
		}
		return collation{}, fmt.Errorf("the server does not list collation %d", id)
	}
}

// toUTF8 reads a label in the column's charset.
func toUTF8(name string, b []byte) (string, error) {
	if charset.IsUTF8(name) || name == "binary" || name == "" {
		return string(b), nil
	}
	if cs := charset.Of(name); cs != nil {
		if text, ok := cs.AppendUTF8(nil, b); ok {
			return string(text), nil
		}
	}
	return "", fmt.Errorf("a label is not valid %s", name)
}
