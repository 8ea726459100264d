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
	var p *plan
	if r.Op <= cdc.Delete {
		var err error
		if p, err = c.plan(r); err != nil {
			return dst, err
		}
	}
	out := appendLong(dst, 0) // version
	out = appendLong(out, r.ID)
	out = appendLong(out, r.Time)
	at := len(out)
	out = appendPosition(out, r.Pos)
	if safe := r.SafePos; safe.IsZero() || safe.File == r.Pos.File && safe.Offset == r.Pos.Offset {
		out = append(out, out[at:]...)
	} else {
		out = appendPosition(out, safe)
	}
	out = appendString(out, "0") // sourceTxid
	out = append(out, c.source...)
	out = appendLong(out, opCodes[r.Op])
	if r.Object == "" {
		out = appendLong(out, 0)
	} else {
		out = appendString(appendLong(out, stringBranch), r.Object)
	}
	out = appendLong(out, 0) // processTimestamps
	out = appendTags(out, r, p)
	out, err := appendBody(out, r, p)
	if err != nil {
		return dst, err
	}
	return appendLong(out, r.Born), nil
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

// appendTags writes the identity first, so that Identity is quick.
func appendTags(dst []byte, r *cdc.Record, p *plan) []byte {
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
	dst = appendLong(dst, n)
	dst = appendString(appendString(dst, identityTag), r.Identity)
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
	if p != nil {
		dst = append(dst, p.tags...)
		p.srids(r, func(tag string, srid int64) { dst = appendNumberTag(dst, tag, srid) })
	}
	return append(dst, 0)
}

func appendNumberTag(dst []byte, name string, n int64) []byte {
	dst = appendString(dst, name)
	at := len(dst)
	return shortLength(strconv.AppendInt(append(dst, 0), n, 10), at)
}

// appendBody writes fields, beforeImages and afterImages.
func appendBody(dst []byte, r *cdc.Record, p *plan) ([]byte, error) {
	switch r.Op {
	case cdc.Heartbeat:
		return append(dst, 0, 0, 0), nil
	case cdc.DDL:
		if !utf8.ValidString(r.SQL) {
			return dst, &task.Error{Code: "ddl.not_utf8", Op: "encoding a DDL statement", Text: "the statement is not valid UTF-8",
				Hint: "Run such statements with SET NAMES utf8mb4, and leave the table out of the task until then."}
		}
		return appendString(append(dst, 0, 0, stringBranch<<1), r.SQL), nil
	}
	dst = append(dst, p.fields...)
	dst, err := p.appendImage(dst, r.Before, r.Op == cdc.Update || r.Op == cdc.Delete)
	if err != nil {
		return dst, err
	}
	return p.appendImage(dst, r.After, r.Op != cdc.Delete)
}
