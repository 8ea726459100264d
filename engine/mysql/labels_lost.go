package mysql

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

// labelsLost says whether labels may hold characters beyond the basic plane: the server shows each of them as "?", in
// information_schema and in SHOW CREATE TABLE alike.
func labelsLost(c *cdc.Column) bool {
	switch c.Charset {
	case "utf8mb4", "utf16", "utf16le", "utf32", "gb18030":
		return strings.Contains(strings.Join(c.Labels, ""), "?")
	}
	return false
}

// findLabels asks for the labels that may be lost. A column of which the server does not tell them is not carried.
func (c *conn) findLabels(t *cdc.Table) error {
	for i := range t.Columns {
		column := &t.Columns[i]
		if !labelsLost(column) {
			continue
		}
		found, err := c.storedLabels(t, column)
		var answer *gomysql.MyError
		switch {
		case err != nil && !errors.As(err, &answer):
			return err
		case err == nil && slices.EqualFunc(column.Labels, found, shownAs):
			column.Labels = found
		default:
			column.Type = cdc.Unsupported
		}
	}
	return nil
}

// labelsAtOnce stays below the depth that servers allow.
const labelsAtOnce = 500

// storedLabels lets the server turn numbers into labels: a recursive table has the types of its first rows, which is
// here one of NULLs in the type of the column, and what is put into it later is converted to them. The table itself is
// not read. MySQL 8.0 gives such a column the type of a text, so that the numbers come back. MariaDB keeps eight bits of
// a SET: of labels behind them nothing comes, and those that are shown whole are taken from there.
func (c *conn) storedLabels(t *cdc.Table, column *cdc.Column) ([]string, error) {
	var found []string
	for len(found) < len(column.Labels) {
		first, n := len(found), min(len(column.Labels)-len(found), labelsAtOnce)
		value := fmt.Sprintf("n+%d", first+1)
		if column.Type == cdc.Set {
			value = fmt.Sprintf("1 << (n+%d)", first)
		}
		sql := fmt.Sprintf("WITH RECURSIVE c(n, v) AS (SELECT 0, t.%s FROM (SELECT 1) AS d LEFT JOIN %s AS t ON FALSE"+
			" UNION ALL SELECT n+1, %s FROM c WHERE n < %d) SELECT HEX(CONVERT(v USING utf8mb4)) FROM c WHERE n > 0 ORDER BY n",
			QuoteName(column.Name), quoteTable(t.TableID), value, n)
		err := c.query(sql, func(row []string) error {
			if len(found) == len(column.Labels) {
				return gomysql.ErrMalformPacket
			}
			label, err := hex.DecodeString(row[0])
			if shown := column.Labels[len(found)]; len(label) == 0 && !strings.Contains(shown, "?") {
				label = []byte(shown)
			}
			found = append(found, string(label))
			return err
		})
		if err != nil || len(found) != first+n {
			return nil, err
		}
	}
	return found, nil
}

// shownAs reports whether the server shows a label like that.
func shownAs(shown, label string) bool {
	for _, s := range shown {
		r, n := utf8.DecodeRuneInString(label)
		if n == 0 || r != s && !(s == '?' && r > 0xffff) {
			return false
		}
		label = label[n:]
	}
	return label == ""
}
