package mysql

import (
	"context"
	"regexp"
	"strings"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
)

// Start reads the set of finished transactions first and the end of the binlog after it.
func (s *Source) Start(ctx context.Context) (engine.Start, error) {
	var start engine.Start
	err := s.ask(ctx, "reading where the binlog ends", func(c *conn) error {
		byFile, err := c.withoutGTID()
		if err != nil {
			return err
		}
		if byFile {
			end, err := c.end()
			start.Set = beforeFile(end.File)
			return err
		}
		if c.flavor == cdc.MariaDB {
			start.Set, err = c.executed()
			return err
		}
		var at cdc.Position
		if start.Set, at, err = c.settled(ctx); err == nil {
			s.mu.Lock()
			s.opening = opening{start.Set.String(), at}
			s.mu.Unlock()
		}
		return err
	})
	if err != nil {
		return start, err
	}
	if err := s.passPrepared(ctx); err != nil {
		return start, err
	}
	if start.End, err = s.End(ctx); err == nil {
		start.Begun, err = s.begun(ctx, start.End)
	}
	return start, err
}

// A server that is asked for what follows a set looks through all of the file in which that begins, up to a gigabyte. It
// need not where it is told the place as well.

// opening is a place of the binlog before which there is no transaction but those of a set.
type opening struct {
	set string
	at  cdc.Position // zero: not known
}

// place gives where to open the binlog after a set: the name of the file, and the place; none if the server has to find
// it. It is good for the first stream of a task: the place is not kept with the set.
func (s *Source) place(ctx context.Context, after cdc.GTIDSet) (file string, at cdc.Position) {
	s.mu.Lock()
	o := s.opening
	s.opening = opening{}
	s.mu.Unlock()
	if o.at.IsZero() || o.set != after.String() {
		return "", cdc.Position{}
	}
	file, err := s.fileOf(ctx, o.at)
	if err != nil { // what it is will be seen when the set is asked for
		return "", cdc.Position{}
	}
	return file, o.at
}

// Transactions get their identifier before they are flushed and are finished after that, within milliseconds as a rule.
const (
	settleWithin = 200 * time.Millisecond
	settlePause  = 5 * time.Millisecond
)

// settled gives the set of finished transactions with a place before which there is no other, if that can be had soon.
// What lies before the end of the binlog was flushed, and is finished or still has an owner who finishes it.
func (c *conn) settled(ctx context.Context) (set cdc.GTIDSet, at cdc.Position, err error) {
	at, owned, err := c.flushed()
	if err != nil {
		return nil, at, err
	}
	return c.settle(ctx, at, owned)
}

// flushed gives the end of the binlog, and which transactions have owners then: those before it that are not finished are
// among them. These are nil if they can't be read.
func (c *conn) flushed() (at cdc.Position, owned cdc.GTIDSet, err error) {
	if at, err = c.end(); err != nil {
		return at, nil, err
	}
	err = c.query("SELECT @@GLOBAL.gtid_owned", func(row []string) error { owned = parseOwned(row[0]); return nil })
	return at, owned, err
}

// settle waits until those that have owners are finished.
func (c *conn) settle(ctx context.Context, at cdc.Position, owned cdc.GTIDSet) (cdc.GTIDSet, cdc.Position, error) {
	for deadline := time.Now().Add(settleWithin); ; {
		set, err := c.executed()
		switch {
		case err != nil:
			return nil, at, err
		case owned != nil && set.Includes(owned):
			return set, at, nil
		case owned == nil || time.Now().After(deadline): // a replica owns one for as long as it applies it
			return set, cdc.Position{}, nil
		}
		if err := wait(ctx, settlePause); err != nil {
			return nil, at, err
		}
	}
}

var (
	uuidIn  = regexp.MustCompile(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`)
	ownerIn = regexp.MustCompile(`#[0-9]+`)
)

// parseOwned reads gtid_owned: "uuid:5#12:6#13", each number with the thread that owns it, the next source right behind;
// nil if it is of another form.
func parseOwned(text string) cdc.GTIDSet {
	var items []string
	for at := uuidIn.FindAllStringIndex(text, -1); len(at) > 0; at = at[:len(at)-1] {
		from := at[len(at)-1][0]
		items = append(items, strings.TrimRight(ownerIn.ReplaceAllString(text[from:], ""), ", \n"))
		text = text[:from]
	}
	set, err := cdc.ParseGTIDSet(cdc.MySQL, strings.Join(items, ","))
	if text != "" || err != nil {
		return nil
	}
	return set
}
