package mysql

import (
	"bytes"
	"errors"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
)

// TestPackets: packets of any length come whole and in order, of one answer and of the next.
func TestPackets(t *testing.T) {
	t.Parallel()
	var want [][]byte
	for i := range 300 { // the numbers of packets go round
		want = append(want, bytes.Repeat([]byte{byte(i)}, i*50))
	}
	for _, size := range []int{packetBuffer - 1, packetBuffer, packetBuffer + 1, 3, 5 * packetBuffer, gomysql.MaxPayloadLen - 1, gomysql.MaxPayloadLen,
		gomysql.MaxPayloadLen + 1, 0, 2*gomysql.MaxPayloadLen + 5, 7} {
		want = append(want, bytes.Repeat([]byte{7}, size))
	}
	var p packets
	sent := inPackets(want...)
	from := bytes.NewReader(append(sent, sent...))
	for range 2 {
		p.begin(from)
		for i, w := range want {
			got, err := p.next()
			if err != nil || !bytes.Equal(got, w) {
				t.Fatalf("packet %d has %d bytes where %d were sent, %v", i, len(got), len(w), err)
			}
		}
	}
	if _, err := p.next(); !errors.Is(err, gomysql.ErrBadConn) {
		t.Errorf("behind the last: %v", err)
	}
}

// TestPacketsAreChecked: one that is cut off or out of order is refused.
func TestPacketsAreChecked(t *testing.T) {
	t.Parallel()
	small, large := inPackets([]byte("one")), inPackets(bytes.Repeat([]byte{1}, packetBuffer+1))
	skipped := bytes.Clone(small)
	skipped[3] = 2
	for name, c := range map[string]struct {
		sent []byte
		err  error
	}{
		"cut off in a head":          {small[:2], gomysql.ErrBadConn},
		"cut off":                    {small[:6], gomysql.ErrBadConn},
		"cut off, of the long":       {large[:len(large)-1], gomysql.ErrBadConn},
		"another number":             {skipped, gomysql.ErrMalformPacket},
		"the second part is missing": {inPackets(make([]byte, gomysql.MaxPayloadLen))[:gomysql.MaxPayloadLen+4], gomysql.ErrBadConn},
	} {
		var p packets
		p.begin(bytes.NewReader(c.sent))
		if got, err := p.next(); !errors.Is(err, c.err) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
