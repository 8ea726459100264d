package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"sluice/engine/cdc"
)

// recover reads what an earlier process left: the longest prefix of whole transactions. The rest is removed.
func (l *Log) recover() error {
	names, err := os.ReadDir(l.o.Dir) // in order of the numbers
	if err != nil {
		return err
	}
	var found []*segment
	why := ""
	for i, name := range names {
		s, err := load(filepath.Join(l.o.Dir, name.Name()), l.o.Owner, l.o.Flavor)
		if err == nil && i > 0 && s.number != found[i-1].number+1 {
			err = errTorn
		}
		switch {
		case errors.Is(err, errOwner):
			why = "owner"
		case err != nil && !errors.Is(err, errTorn):
			return err // the disk's: it says nothing of what the files hold
		}
		if err != nil {
			break
		}
		found = append(found, s)
	}
	for _, name := range names[len(found):] {
		if err := os.Remove(filepath.Join(l.o.Dir, name.Name())); err != nil {
			return err
		}
	}
	if why != "" {
		l.o.Tell(discarded(why))
	}
	return l.chain(found)
}

// chain takes the segments as far as each begins where the one before ends. Those that are sealed are known to be
// whole; the last one and those that are not are read.
func (l *Log) chain(found []*segment) error {
	for i, s := range found {
		last := i+1 == len(found)
		if !last && strings.HasSuffix(s.path, sealed) {
			l.take(s, found[i+1].start.clone())
			continue
		}
		end, size, err := s.scan()
		if err != nil {
			return err
		}
		joins := !last && size == s.size && end.At == found[i+1].start.At && end.Set.String() == found[i+1].start.Set.String()
		if size < s.size {
			if err := os.Truncate(s.path, size); err != nil {
				return err
			}
			s.size = size
		}
		if size == s.head {
			if err := os.Remove(s.path); err != nil {
				return err
			}
		} else {
			l.take(s, end)
		}
		if !joins {
			return removeAll(found[i+1:])
		}
	}
	return nil
}

func (l *Log) take(s *segment, end Mark) {
	l.segments = append(l.segments, s)
	l.number = s.number
	l.bytes += s.size
	l.now, l.end = end, end.At
}

func removeAll(segments []*segment) error {
	for _, s := range segments {
		if err := os.Remove(s.path); err != nil {
			return err
		}
	}
	return nil
}

// begin sets the reader where what follows the given transactions begins, or empties the log if it is not there.
func (l *Log) begin(after cdc.GTIDSet) error {
	from := -1
	for i, s := range l.segments {
		if after.Includes(s.start.Set) {
			from = i
		}
	}
	if from < 0 || !l.now.Set.Includes(after) {
		if len(l.segments) > 0 && !after.Includes(l.now.Set) {
			l.o.Tell(discarded("start"))
		}
		return l.empty(after)
	}
	if l.o.Holds != nil {
		held, err := l.o.Holds(l.now.clone())
		if err != nil {
			return err
		}
		if !held {
			l.o.Tell(discarded("lost"))
			return l.empty(after)
		}
	}
	l.behind = true
	l.reader.skip = after.Clone()
	l.reader.jump(l.segments[from])
	return nil
}

// empty removes what is kept.
func (l *Log) empty(after cdc.GTIDSet) error {
	err := removeAll(l.segments)
	l.segments, l.bytes, l.end = nil, 0, cdc.Position{}
	l.now = Mark{Set: after.Clone()}
	return err
}

// discarded says why files are not used: owner, start, lost or damaged.
func discarded(why string) Notice { return Notice{Code: "spool.discarded", Params: []string{why}} }
