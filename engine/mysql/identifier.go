package mysql

import (
	"bytes"
	"encoding/hex"
	"strconv"

	"github.com/go-mysql-org/go-mysql/replication"
)

// gtid is what MySQL's event of an identifier says of a transaction.
type gtid struct {
	sid       []byte
	tag       string
	number    int64
	committed int64 // microseconds since 1970; 0: not known
}

func gtidOf(body []byte) (v gtid, err error) {
	c := cursor{data: body}
	c.take(1) // flags
	v.sid, v.number = c.take(16), int64(c.little(8))
	if c.short {
		return v, errShortEvent
	}
	const logical, divided = 2, 1 << 55
	if len(c.data) > 17 && c.byte() == logical {
		c.take(16)
		if at := c.little(7); !c.short { // before 8.0 there is none
			v.committed = int64(at &^ divided) // by the server that wrote it; the first one's follows if it is another
		}
	}
	return v, nil
}

// taggedOf reads the event of an identifier with a tag, which the library knows the form of.
func taggedOf(body []byte) (gtid, error) {
	var e replication.GtidTaggedLogEvent
	err := decode(&e, body)
	return gtid{e.SID, e.Tag.String(), e.GNO, int64(e.ImmediateCommitTimestamp)}, err
}

// namer writes the identifiers of transactions. One server's differ in their numbers alone, mostly.
type namer struct {
	sid   []byte
	tag   string
	front []byte // of the newest identifier: all but its number
	text  []byte
}

func (n *namer) mysql(v *gtid) string {
	if n.front == nil || !bytes.Equal(v.sid, n.sid) || v.tag != n.tag {
		n.sid, n.tag = bytes.Clone(v.sid), v.tag
		n.front = []byte(uuidText(v.sid) + ":")
		if v.tag != "" {
			n.front = append(append(n.front, v.tag...), ':')
		}
	}
	n.text = strconv.AppendInt(append(n.text[:0], n.front...), v.number, 10)
	return string(n.text)
}

func (n *namer) maria(domain uint64, server uint32, sequence uint64) string {
	n.text = strconv.AppendUint(n.text[:0], domain, 10)
	n.text = strconv.AppendUint(append(n.text, '-'), uint64(server), 10)
	n.text = strconv.AppendUint(append(n.text, '-'), sequence, 10)
	return string(n.text)
}

func uuidText(b []byte) string {
	if len(b) != 16 {
		return hex.EncodeToString(b)
	}
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
