package mysql

import (
	"context"
	"crypto/sha256"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// describedAtOnce bounds the metadata locks that are held at a time, and the length of a statement. With more of them
// MySQL takes longer for each. MariaDB looks through all tables of the database for each question: it gains by a piece
// until there are some ten thousand.
const describedAtOnce = 100

// Describe reads the definitions of tables as a view's Lock does, many with each question: asked one by one, a table
// costs a dozen of them. It begins with the last: a full copy begins with the first, which then are the ones that are
// still in the server's cache of tables.
func (s *Source) Describe(ctx context.Context, ids []cdc.TableID, connections int) ([]snapshot.Locked, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]snapshot.Locked, len(ids))
	pieces := (len(ids) + describedAtOnce - 1) / describedAtOnce
	var left atomic.Int64
	left.Store(int64(pieces))
	var wg sync.WaitGroup
	for range min(connections, pieces) {
		wg.Go(func() {
			d := describer{source: s}
			defer d.close()
			for ctx.Err() == nil {
				i := int(left.Add(-1))
				if i < 0 {
					return
				}
				from, to := i*describedAtOnce, min((i+1)*describedAtOnce, len(ids))
				if err := d.describe(ctx, ids[from:to], out[from:to]); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return out, context.Cause(ctx)
}

// describer reads definitions, piece by piece, on a connection of its own.
type describer struct {
	source *Source
	conn   *conn // nil before the first piece
}

func (d *describer) describe(ctx context.Context, ids []cdc.TableID, out []snapshot.Locked) error {
	s := d.source
	found, err := d.together(ctx, ids, out)
	if err != nil || found {
		return err
	}
	for i, id := range ids {
		if out[i], err = s.describeOne(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Source) describeOne(ctx context.Context, id cdc.TableID) (snapshot.Locked, error) {
	v, err := s.View(ctx)
	if err != nil {
		return snapshot.Locked{}, err
	}
	l, err := v.Lock(ctx, id)
	if err = errors.Join(err, v.Close()); err != nil {
		return snapshot.Locked{}, err
	}
	return l[0], nil
}

// together finds nothing where that is not the way: where not all are there, may be read and are free at once. A lock that
// others wait behind is not to be held while another is waited for.
func (d *describer) together(ctx context.Context, ids []cdc.TableID, out []snapshot.Locked) (found bool, err error) {
	if len(ids) < 2 {
		return false, nil
	}
	const op = "reading the definitions of tables"
	s := d.source
	if d.conn == nil {
		if d.conn, err = s.dial(ctx, readTimeout); err != nil {
			return false, withOp(op, err)
		}
	}
	release := d.conn.watch(ctx)
	found, err = s.describeTogether(d.conn, ids, out)
	release()
	if err != nil && ctx.Err() != nil {
		return false, ctx.Err()
	}
	return found, withOp(op, s.classify(err))
}

// close leaves the connection to the next view.
func (d *describer) close() {
	if d.conn != nil {
		if d.conn.broken || d.conn.forViews() != nil {
			d.conn.broken = true
		}
		d.source.give(d.conn)
	}
}

// describeTogether asks all on one connection, on which the tables are open once they are locked. There is no snapshot:
// what it would show are the definitions of before the locks.
func (s *Source) describeTogether(c *conn, ids []cdc.TableID, out []snapshot.Locked) (found bool, err error) {
	defer func() {
		if !c.broken {
			err = errors.Join(err, c.exec("ROLLBACK"))
		}
	}()
	free, err := c.lockFree(ids, out)
	if err != nil || !free {
		return false, err
	}
	tables, err := c.tables(s.server.Flavor, ids)
	if err != nil || len(tables) < len(ids) {
		return false, err
	}
	for i, id := range ids {
		out[i].Table = tables[id]
	}
	if err := c.stamp(out); err != nil {
		return false, err
	}
	for i := range out {
		s.remember(&out[i])
	}
	return true, nil
}

// Definitions reads definitions as they are now, without locks; tables that are not there are missing.
func (s *Source) Definitions(ctx context.Context, ids []cdc.TableID) (map[cdc.TableID]*cdc.Table, error) {
	out := make(map[cdc.TableID]*cdc.Table, len(ids))
	for piece := range slices.Chunk(ids, describedAtOnce) {
		err := s.ask(ctx, "reading the definitions of tables", func(c *conn) error {
			found, err := c.tables(s.server.Flavor, piece)
			for id, t := range found {
				out[id] = t
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

const columnFields = "column_name, data_type, column_type, is_nullable, character_maximum_length, numeric_precision," +
	" numeric_scale, datetime_precision, character_set_name, collation_name, extra"

// tables is table for many; those that are not there are missing.
func (c *conn) tables(flavor cdc.Flavor, ids []cdc.TableID) (map[cdc.TableID]*cdc.Table, error) {
	names, asked := map[string][]string{}, make(map[cdc.TableID]*cdc.Table, len(ids))
	for _, id := range ids {
		names[id.Schema] = append(names[id.Schema], quoteString(id.Name))
		asked[id] = &cdc.Table{TableID: id}
	}
	for schema, list := range names {
		if err := c.tablesOf(schema, among(flavor, schema, list), asked); err != nil {
			return nil, err
		}
	}
	out := make(map[cdc.TableID]*cdc.Table, len(ids))
	for id, t := range asked {
		if len(t.Columns) == 0 {
			continue
		}
		out[id] = t
		if err := c.findLabels(t); err != nil {
			return nil, err
		}
		if len(t.Uniques) < 2 {
			continue
		}
		t.Primary, t.Uniques = nil, nil // their order is not in information_schema
		if err := c.indexes(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// among gives what a question to a table of information_schema is put to, so that it is about these tables alone. MySQL
// looks through all tables of a database for a list of names, but finds those that it is given as rows one by one.
func among(flavor cdc.Flavor, schema string, names []string) func(table string) string {
	if flavor == cdc.MariaDB {
		return func(table string) string {
			return table + " WHERE table_schema = " + quoteString(schema) + " AND table_name IN (" + strings.Join(names, ",") + ")"
		}
	}
	list := append([]string{names[0] + " AS asked"}, names[1:]...)
	rows := "(SELECT " + strings.Join(list, " UNION ALL SELECT ") + ") AS names"
	return func(table string) string {
		return rows + " STRAIGHT_JOIN " + table + " ON table_schema = " + quoteString(schema) + " AND table_name = asked"
	}
}

// tablesOf reads those of the tables that are of one database. Others may be found too: MariaDB finds names that differ in
// case or accents alone.
func (c *conn) tablesOf(schema string, among func(table string) string, tables map[cdc.TableID]*cdc.Table) error {
	each := func(fields, of, more string, take func(t *cdc.Table, row []string)) error {
		return c.query("SELECT table_name, "+fields+" FROM "+among("information_schema."+of)+more, func(row []string) error {
			if t := tables[cdc.TableID{Schema: schema, Name: row[0]}]; t != nil {
				take(t, row[1:])
			}
			return nil
		})
	}
	err := each(columnFields, "columns", " ORDER BY table_name, ordinal_position", func(t *cdc.Table, row []string) {
		t.Columns = append(t.Columns, describedColumn(row))
	})
	if err != nil {
		return err
	}
	err = each("table_collation", "tables", "", func(t *cdc.Table, row []string) { collate(t, row[0]) })
	if err != nil {
		return err
	}
	err = each("index_name, column_name, sub_part IS NULL", "statistics", " AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index",
		func(t *cdc.Table, row []string) { addUnique(t, row[0], row[1], row[2] == "1") })
	for id, t := range tables {
		if id.Schema == schema {
			takePrimary(t)
		}
	}
	return err
}

// autoIncrement is what changes in SHOW CREATE TABLE without a change of the definition.
var autoIncrement = regexp.MustCompile(`(\n\) ENGINE=\w+) AUTO_INCREMENT=\d+`)

// recalled is a definition that was read, with the sum of its SHOW CREATE TABLE.
type recalled struct {
	sum   [sha256.Size]byte
	table *cdc.Table
}

// remember keeps a definition for the next time that the table has the same SHOW CREATE TABLE. That shows "?" for
// characters that it can't show: then two definitions may look alike.
func (s *Source) remember(l *snapshot.Locked) {
	if strings.Contains(l.Create, "?") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recalled == nil {
		s.recalled = map[cdc.TableID]recalled{}
	}
	s.recalled[l.Table.TableID] = recalled{sumOf(l.Create), l.Table}
}

// recall gives the definition of a table that has this SHOW CREATE TABLE, or nil.
func (s *Source) recall(id cdc.TableID, create string) *cdc.Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.recalled[id]; ok && r.sum == sumOf(create) {
		return r.table
	}
	return nil
}

func sumOf(create string) [sha256.Size]byte {
	return sha256.Sum256([]byte(autoIncrement.ReplaceAllString(create, "$1")))
}
