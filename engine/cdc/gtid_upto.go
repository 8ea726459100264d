package cdc

import (
	"fmt"
	"strconv"
	"strings"
)

// Upto is the set of a server without GTID: the transactions that begin before a point of its binlog. There a
// transaction is named by where it begins, "78:4711" (the file's number and the offset).
type Upto struct {
	At Position // Row is 0
	// Created is when file At.File was begun, seconds since 1970, and 0 where it is not known: after RESET MASTER
	// another file has the same number.
	Created int64
}

// parseUpto reads what String wrote; ok is false if it is of another kind.
func parseUpto(s string) (u *Upto, ok bool) {
	at, created, dated := strings.Cut(s, "@")
	u = &Upto{}
	var err error
	if u.At, err = parseFileTID(at); err != nil {
		return nil, false
	}
	if dated {
		if u.Created, err = strconv.ParseInt(created, 10, 64); err != nil {
			return nil, false
		}
	}
	return u, true
}

// FileTID names the transaction that begins at p.
func FileTID(p Position) string {
	b := strconv.AppendUint(make([]byte, 0, 24), p.File, 10)
	return string(strconv.AppendUint(append(b, ':'), p.Offset, 10))
}

func parseFileTID(tid string) (Position, error) {
	file, offset, _ := strings.Cut(tid, ":")
	f, err1 := strconv.ParseUint(file, 10, 64)
	o, err2 := strconv.ParseUint(offset, 10, 64)
	if err1 != nil || err2 != nil {
		return Position{}, fmt.Errorf("%q is not file:offset", tid)
	}
	return Position{File: f, Offset: o}, nil
}

// Contains reports whether the transaction begins before the point.
func (u *Upto) Contains(tid string) bool {
	p, err := parseFileTID(tid)
	return err == nil && p.Before(u.At)
}

// Add moves the point behind the start of the transaction.
func (u *Upto) Add(tid string) error {
	p, err := parseFileTID(tid)
	if err == nil && !p.Before(u.At) {
		*u = Upto{At: Position{File: p.File, Offset: p.Offset + 1}}
	}
	return err
}

// Includes reports whether the point of o is not beyond this one.
func (u *Upto) Includes(o GTIDSet) bool {
	other, ok := o.(*Upto)
	return ok && !u.At.Before(other.At)
}

// Clone gives a set that can be changed apart from this one.
func (u *Upto) Clone() GTIDSet { c := *u; return &c }

// String is "78:4711", and with the file's creation "78:4711@1790000000".
func (u *Upto) String() string {
	s := FileTID(u.At)
	if u.Created != 0 {
		s += "@" + strconv.FormatInt(u.Created, 10)
	}
	return s
}
