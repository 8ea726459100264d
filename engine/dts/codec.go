package dts

import (
	_ "embed"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

//go:embed record.avsc
var schema string

// Schema is the Avro schema of every message, for those who read them.
func Schema() string { return schema }

// Options of a Codec.
type Options struct {
	ServerVersion string // as the source says it: "8.0.33"
}

// Codec encodes records of one source. It may be used by several goroutines.
type Codec struct {
	source  []byte   // the field source, encoded
	plans   sync.Map // *cdc.Table -> *plan, the newest column choice of each
	planned atomic.Int32
}

// New gives a codec for records of one source.
func New(o Options) *Codec {
	return &Codec{source: appendString([]byte{0}, o.ServerVersion)} // 0: MySQL, for MariaDB too
}

// opCodes are the positions in the schema's enum Operation.
var opCodes = [...]int64{cdc.Init: 16, cdc.Insert: 0, cdc.Update: 1, cdc.Delete: 2, cdc.DDL: 3, cdc.Heartbeat: 8}

// Encode appends the message value of the record to dst. On an error dst comes back as it was.
func (c *Codec) Encode(dst []byte, r *cdc.Record) ([]byte, error) {
	if int(r.Op) >= len(opCodes) {
		return dst, fmt.Errorf("encoding: operation %d is unknown", r.Op)
	}
	out := appendLong(appendLong(dst, 0), r.ID) // behind the version
	k, err := c.common(r)
	if err != nil {
		return dst, err
	}
	p := k.plan
	if k.head != nil {
		out = appendString(append(out, k.head...), r.Identity)
		out = append(out, k.tail...)
	} else {
		out = appendString(c.appendHead(out, r, p), r.Identity)
		out = appendTail(out, r, p)
	}
	if out, err = appendImages(out, r, p); err != nil {
		return dst, err
	}
	return appendLong(out, r.Born), nil
}

// common is what a record has in common with others: its plan, if it has one, and where they share one what stands between
// the ID and the identity, and between that and the images.
type common struct {
	plan       *plan
	head, tail []byte
	born       int64
}

func (c *Codec) common(r *cdc.Record) (common, error) {
	if r.Shared == nil {
		p, err := c.plan(r)
		return common{plan: p}, err
	}
	k, ok := r.Shared.Kept.(*common)
	if !ok {
		p, err := c.plan(r)
		if err != nil {
			return common{}, err
		}
		k = &common{plan: p}
		r.Shared.Kept = k
		if p == nil || len(p.spatial) == 0 { // those have tags of their values
			k.head = c.appendHead(nil, r, p)
			k.tail, k.born = appendTail(nil, r, p), r.Born
		}
	}
	if k.born != r.Born && k.head != nil {
		k.tail, k.born = appendTail(k.tail[:0], r, k.plan), r.Born
	}
	return *k, nil
}

// appendHead writes what is between the ID and the identity.
func (c *Codec) appendHead(dst []byte, r *cdc.Record, p *plan) []byte {
	dst = appendLong(dst, r.Time)
	at := len(dst)
	dst = appendPosition(dst, r.Pos)
	if safe := r.SafePos; safe.IsZero() || safe.File == r.Pos.File && safe.Offset == r.Pos.Offset {
		dst = append(dst, dst[at:]...)
	} else {
		dst = appendPosition(dst, safe)
	}
	dst = appendString(dst, "0") // sourceTxid
	dst = append(dst, c.source...)
	dst = appendLong(dst, opCodes[r.Op])
	if r.Object == "" {
		dst = appendLong(dst, 0)
	} else {
		dst = appendString(appendLong(dst, stringBranch), r.Object)
	}
	dst = appendLong(dst, 0) // processTimestamps
	return appendString(appendLong(dst, tagCount(r, p)), identityTag)
}

// appendPosition writes "offset@file"; the row inside a transaction is ours and no part of the format.
func appendPosition(dst []byte, p cdc.Position) []byte {
	at := len(dst)
	dst = append(dst, 0)
	dst = strconv.AppendUint(dst, p.Offset, 10)
	dst = strconv.AppendUint(append(dst, '@'), p.File, 10)
	return shortLength(dst, at)
}

// shortLength fills the one byte left at dst[at] with the length of what follows; that is less than 64.
func shortLength(dst []byte, at int) []byte {
	dst[at] = byte(len(dst)-at-1) << 1
	return dst
}

// tagCount counts the tags. The identity is the first, so that Identity is quick.
func tagCount(r *cdc.Record, p *plan) int64 {
	n := int64(2)
	if r.Refused.Limit > 0 {
		n++
	}
	if p != nil {
		n += p.tagCount
		p.srids(r, func(string, int64) { n++ })
	}
	if r.ServerID != 0 {
		n++
	}
	if r.ThreadID != 0 {
		n++
	}
	return n
}

// appendTail writes the tags behind the identity, and fields.
func appendTail(dst []byte, r *cdc.Record, p *plan) []byte {
	dst = appendNumberTag(dst, "readerThroughoutTime", r.Born)
	if r.ServerID != 0 {
		dst = appendNumberTag(dst, "server_id", int64(r.ServerID))
	}
	if r.ThreadID != 0 {
		dst = appendNumberTag(dst, "thread_id", int64(r.ThreadID))
	}
	if f := r.Refused; f.Limit > 0 {
		dst = appendString(appendString(dst, "dead_letter"), fmt.Sprintf(`{"bytes":%d,"limit":%d}`, f.Bytes, f.Limit))
	}
	if p == nil {
		return append(dst, 0, 0) // no fields
	}
	dst = append(dst, p.tags...)
	p.srids(r, func(tag string, srid int64) { dst = appendNumberTag(dst, tag, srid) })
	return append(append(dst, 0), p.fields...)
}

func appendNumberTag(dst []byte, name string, n int64) []byte {
	dst = appendString(dst, name)
	at := len(dst)
	return shortLength(strconv.AppendInt(append(dst, 0), n, 10), at)
}

// appendImages writes beforeImages and afterImages.
func appendImages(dst []byte, r *cdc.Record, p *plan) ([]byte, error) {
	switch r.Op {
	case cdc.Heartbeat:
		return append(dst, 0, 0), nil
	case cdc.DDL:
		if !utf8.ValidString(r.SQL) {
			return dst, &task.Error{Code: "ddl.not_utf8", Op: "encoding a DDL statement", Text: "the statement is not valid UTF-8",
				Hint: "Run such statements with SET NAMES utf8mb4, and leave the table out of the task until then."}
		}
		return appendString(append(dst, 0, stringBranch<<1), r.SQL), nil
	}
	dst, err := p.appendImage(dst, r.Before, r.Op == cdc.Update || r.Op == cdc.Delete)
	if err != nil {
		return dst, err
	}
	return p.appendImage(dst, r.After, r.Op != cdc.Delete)
}
