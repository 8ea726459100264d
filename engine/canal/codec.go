package canal

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Codec encodes records. It may be used by several goroutines.
type Codec struct {
	plans   sync.Map // *cdc.Table -> *plan, the newest column choice of each
	planned atomic.Int32
}

// New gives a codec.
func New() *Codec { return &Codec{} }

// Encode appends the message value of the record to dst. On an error dst comes back as it was.
func (c *Codec) Encode(dst []byte, r *cdc.Record) ([]byte, error) {
	if r.Op > cdc.Heartbeat {
		return dst, fmt.Errorf("encoding: operation %d is unknown", r.Op)
	}
	out := appendHead(dst, r)
	var err error
	switch r.Op {
	case cdc.Init, cdc.Insert, cdc.Update, cdc.Delete:
		var p *plan
		if p, err = c.plan(r); err == nil {
			out, err = p.append(out, r)
		}
	case cdc.DDL:
		out, err = appendStatement(out, r)
	case cdc.Heartbeat:
		out = appendEnd(appendTimes(append(out, `"data":[],"database":"`...), r, ""), r, "CREATE")
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// appendHead opens the object and writes our key.
func appendHead(dst []byte, r *cdc.Record) []byte {
	dst = appendText(append(dst, head...), r.Identity)
	dst = append(append(append(dst, headOp...), r.Op.String()...), headAt...)
	dst = strconv.AppendUint(dst, r.Pos.Offset, 10)
	dst = strconv.AppendUint(append(dst, '@'), r.Pos.File, 10)
	if f := r.Refused; f.Limit > 0 {
		return fmt.Appendf(dst, `","dead_letter":{"bytes":%d,"limit":%d}},`, f.Bytes, f.Limit)
	}
	return append(dst, `"},`...)
}

// appendTimes goes on inside the string of the key "database".
func appendTimes(dst []byte, r *cdc.Record, database string) []byte {
	dst = appendText(dst, database)
	dst = strconv.AppendInt(append(dst, `","es":`...), r.Time*1000, 10)
	return strconv.AppendInt(append(dst, `,"id":`...), r.ID, 10)
}

// appendEnd ends a record without a row, from isDdl on.
func appendEnd(dst []byte, r *cdc.Record, kind string) []byte {
	dst = strconv.AppendBool(append(dst, `,"isDdl":`...), r.Op == cdc.DDL)
	dst = appendText(append(dst, `,"mysqlType":null,"old":null,"pkNames":null,"sql":"`...), r.SQL)
	dst = appendText(append(dst, `","sqlType":null,"table":"`...), r.Name)
	return appendType(append(dst, `","ts":`...), r, kind)
}

// appendType writes the value of ts and the type, and closes the object.
func appendType(dst []byte, r *cdc.Record, kind string) []byte {
	dst = strconv.AppendInt(dst, r.Born, 10)
	return append(append(append(dst, `,"type":"`...), kind...), `"}`...)
}

func appendStatement(dst []byte, r *cdc.Record) ([]byte, error) {
	if !utf8.ValidString(r.SQL) {
		return dst, &task.Error{Code: "ddl.not_utf8", Op: "encoding a DDL statement", Text: "the statement is not valid UTF-8",
			Hint: "Run such statements with SET NAMES utf8mb4, and leave the table out of the task until then."}
	}
	dst = appendTimes(append(dst, `"data":null,"database":"`...), r, plain(r.Object))
	return appendEnd(dst, r, typeOf(r.SQL)), nil
}
