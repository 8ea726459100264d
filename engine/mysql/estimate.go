package mysql

import (
	"context"
	"strings"

	"sluice/engine/cdc"
)

// Estimate lets the server plan a SELECT of the table with the condition, without running it, and gives how many
// rows it expects to match. tables is how many it reads: more than one where the condition asks other tables.
func (s *Source) Estimate(ctx context.Context, id cdc.TableID, where string) (rows int64, tables int, err error) {
	err = s.ask(ctx, "trying the row filter of "+id.String(), func(c *conn) error {
		result, err := c.Execute("EXPLAIN SELECT 1 FROM " + quoteTable(id) + " WHERE (" + strings.TrimSpace(where) + "\n)")
		if err != nil {
			c.note(err)
			return err
		}
		rows, tables = 0, len(result.Values)
		if holdsSubquery(where) {
			tables = max(tables, 2)
		}
		if len(result.Values) == 0 {
			return nil
		}
		examined, err := result.GetIntByName(0, "rows") // NULL, which is 0, where the plan finds nothing
		if err != nil {
			return err
		}
		share := 100.0
		if _, known := result.FieldNames["filtered"]; known { // MySQL
			if share, err = result.GetFloatByName(0, "filtered"); err != nil {
				return err
			}
		}
		rows = int64(float64(examined) * share / 100)
		return nil
	})
	return rows, tables, err
}
