package cdc

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is a point of one server's binlog: the number of the file (the integer after the last dot of its name),
// the byte offset in it of the start of a transaction (or of the end of the last event outside one), and how many
// of the selected tables' rows of that transaction were passed. Positions of different servers do not compare: all of
// the server that a task moved to lie behind all of the one before, which says nothing of what either log held there.
type Position struct {
	Turn   uint32 `json:"turn,omitempty"` // how many servers the task read before this one
	File   uint64 `json:"file"`
	Offset uint64 `json:"offset"`
	Row    uint64 `json:"row,omitempty"`
}

// Compare orders positions of one server, and the servers by their turn.
func (p Position) Compare(o Position) int {
	switch {
	case p.Turn != o.Turn:
		return sign(uint64(p.Turn), uint64(o.Turn))
	case p.File != o.File:
		return sign(p.File, o.File)
	case p.Offset != o.Offset:
		return sign(p.Offset, o.Offset)
	}
	return sign(p.Row, o.Row)
}

// Before reports p < o.
func (p Position) Before(o Position) bool { return p.Compare(o) < 0 }

// Start is the position without the rows passed.
func (p Position) Start() Position { p.Row = 0; return p }

// At is the position with so many rows passed.
func (p Position) At(row uint64) Position { p.Row = row; return p }

// IsZero reports whether the position was never set.
func (p Position) IsZero() bool { return p == Position{} }

// String is "offset@file", as DTS writes positions, with "+row" behind it inside a transaction and "/turn" after a
// move to another server.
func (p Position) String() string {
	s := strconv.FormatUint(p.Offset, 10) + "@" + strconv.FormatUint(p.File, 10)
	if p.Row > 0 {
		s += "+" + strconv.FormatUint(p.Row, 10)
	}
	if p.Turn > 0 {
		s += "/" + strconv.FormatUint(uint64(p.Turn), 10)
	}
	return s
}

// FirstEvent is the offset at which the events of a binlog file begin.
const FirstEvent = 4

// In writes the position as its source does, "mysql-bin.000078:4711", by the base name of the binlog's files. Of a
// place inside a transaction it is the transaction's start, as the source knows no other.
func (p Position) In(log string) string {
	if log != "" {
		log += "."
	}
	return fmt.Sprintf("%s%06d:%d", log, p.File, p.Offset)
}

// ParsePosition reads what String wrote.
func ParsePosition(s string) (Position, error) {
	var p Position
	var err error
	whole, turn, moved := strings.Cut(s, "/")
	head, row, inside := strings.Cut(whole, "+")
	off, file, ok := strings.Cut(head, "@")
	if !ok {
		return p, fmt.Errorf("position %q is not offset@file", s)
	}
	if p.Offset, err = strconv.ParseUint(off, 10, 64); err != nil {
		return Position{}, fmt.Errorf("position %q: offset: %w", s, err)
	}
	if p.File, err = strconv.ParseUint(file, 10, 64); err != nil {
		return Position{}, fmt.Errorf("position %q: file: %w", s, err)
	}
	if inside {
		if p.Row, err = strconv.ParseUint(row, 10, 64); err != nil {
			return Position{}, fmt.Errorf("position %q: row: %w", s, err)
		}
	}
	if moved {
		n, err := strconv.ParseUint(turn, 10, 32)
		if err != nil {
			return Position{}, fmt.Errorf("position %q: turn: %w", s, err)
		}
		p.Turn = uint32(n)
	}
	return p, nil
}

// FileNumber gives the number of a binlog file: 78 for "mysql-bin.000078".
func FileNumber(name string) (uint64, error) {
	i := strings.LastIndexByte(name, '.')
	n, err := strconv.ParseUint(name[i+1:], 10, 64)
	if i < 0 || err != nil {
		return 0, fmt.Errorf("binlog file %q has no number", name)
	}
	return n, nil
}

func sign(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
