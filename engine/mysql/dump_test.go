package mysql

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// rawEvent is an event with a checksum at its end, or none.
func rawEvent(kind replication.EventType, body []byte, checksum bool) []byte {
	raw := append(make([]byte, replication.EventHeaderSize), body...)
	raw[4] = byte(kind)
	size := len(raw)
	if checksum {
		size += replication.BinlogChecksumLength
	}
	binary.LittleEndian.PutUint32(raw[9:], uint32(size))
	if checksum {
		raw = binary.LittleEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	}
	return raw
}

// format is a format description that says whether events have checksums; it has one itself then, else four bytes.
func format(checksum bool) []byte {
	body := binary.LittleEndian.AppendUint16(nil, 4)
	body = append(append(body, "8.0.33"...), make([]byte, 50-6+4)...)
	body = append(body, replication.EventHeaderSize, 1, 2, 3)
	if !checksum {
		return rawEvent(replication.FORMAT_DESCRIPTION_EVENT, append(body, 0, 0, 0, 0, 0), false)
	}
	return rawEvent(replication.FORMAT_DESCRIPTION_EVENT, append(body, byte(replication.BINLOG_CHECKSUM_ALG_CRC32)), true)
}

// inPackets writes each payload as the server does, in as many packets as it takes.
func inPackets(payloads ...[]byte) []byte {
	var out []byte
	sequence := byte(1)
	for _, p := range payloads {
		for more := true; more; sequence++ {
			n := min(len(p), gomysql.MaxPayloadLen)
			more = n == gomysql.MaxPayloadLen
			out = append(append(out, byte(n), byte(n>>8), byte(n>>16), sequence), p[:n]...)
			p = p[n:]
		}
	}
	return out
}

func dumped(line io.Reader) (events [][]byte, err error) {
	d := &dump{in: line, sequence: 1}
	err = d.each(func(raw []byte) error { events = append(events, raw); return nil }, nil)
	return events, err
}

// TestDumpPackets: events of any length come whole, in order, and stay as they are.
func TestDumpPackets(t *testing.T) {
	t.Parallel()
	var want, sent [][]byte
	for i := range 300 { // the numbers of packets go round
		want = append(want, rawEvent(replication.STOP_EVENT, bytes.Repeat([]byte{byte(i)}, i*50), false))
	}
	for _, size := range []int{gomysql.MaxPayloadLen - 1, gomysql.MaxPayloadLen, gomysql.MaxPayloadLen + 1, 2*gomysql.MaxPayloadLen + 5} {
		want = append(want, rawEvent(replication.STOP_EVENT, bytes.Repeat([]byte{7}, size-1-replication.EventHeaderSize), false))
	}
	for _, e := range want {
		sent = append(sent, append([]byte{gomysql.OK_HEADER}, e...))
	}
	all := inPackets(append(sent, []byte{gomysql.EOF_HEADER})...)
	for _, line := range []io.Reader{bytes.NewReader(all), &inPieces{rest: all}} {
		got, err := dumped(line)
		if !errors.Is(err, io.EOF) || len(got) != len(want) {
			t.Fatalf("%d of %d events, %v", len(got), len(want), err)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("event %d is another", i)
			}
		}
	}
}

// inPieces is a line that has now a byte, now tens of thousands of them.
type inPieces struct {
	rest []byte
	n    int
}

func (r *inPieces) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	r.n = (r.n*31 + 1) % 65521
	n := copy(b[:min(len(b), r.n)], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TestDumpIsIdle before it waits for the line, with all that came before handed on.
func TestDumpIsIdle(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	d := &dump{in: in, sequence: 1}
	handed, waits := 0, make(chan int)
	ended := make(chan error)
	go func() {
		ended <- d.each(func([]byte) error { handed++; return nil }, func() error { waits <- handed; return nil })
	}()
	ok := append([]byte{gomysql.OK_HEADER}, rawEvent(replication.STOP_EVENT, []byte("body"), false)...)
	all := inPackets(ok, ok, ok)
	for i, step := range []int{2 * len(all) / 3, len(all) / 3} {
		if n := <-waits; n != 2*i {
			t.Fatalf("it waits with %d events handed on", n)
		}
		if _, err := out.Write(all[:step]); err != nil {
			t.Fatal(err)
		}
		all = all[step:]
	}
	if n := <-waits; n != 3 {
		t.Fatalf("it waits with %d events handed on", n)
	}
	out.Close()
	if err := <-ended; !errors.Is(err, gomysql.ErrBadConn) {
		t.Fatal(err)
	}
}

// TestDumpIsChecked: what is cut off, out of order or does not fit its checksum is refused.
func TestDumpIsChecked(t *testing.T) {
	t.Parallel()
	ok := func(raw []byte) []byte { return append([]byte{gomysql.OK_HEADER}, raw...) }
	event := rawEvent(replication.STOP_EVENT, []byte("body"), true)
	bent := bytes.Clone(event)
	bent[20] ^= 1
	whole := inPackets(ok(format(true)), ok(event))
	skipped := bytes.Clone(whole)
	skipped[3] = 2
	bentFormat := format(true)
	bentFormat[30] ^= 1
	for _, c := range []struct {
		name   string
		sent   []byte
		events int
		err    error
	}{
		{"whole", whole, 2, gomysql.ErrBadConn},
		{"cut off", whole[:len(whole)-1], 1, gomysql.ErrBadConn},
		{"cut off in a head", whole[:2], 0, gomysql.ErrBadConn},
		{"a packet is missing", skipped, 0, gomysql.ErrMalformPacket},
		{"empty", inPackets(nil), 0, gomysql.ErrMalformPacket},
		{"neither an event nor an end", inPackets([]byte{9}), 0, gomysql.ErrMalformPacket},
		{"shorter than a head", inPackets(ok(event[:10])), 0, errShortEvent},
		{"bent", inPackets(ok(format(true)), ok(bent)), 1, errChecksum},
		{"a bent format", inPackets(ok(bentFormat)), 0, errChecksum},
		{"without checksums", inPackets(ok(format(false)), ok(bent)), 2, gomysql.ErrBadConn},
	} {
		if got, err := dumped(bytes.NewReader(c.sent)); len(got) != c.events || !errors.Is(err, c.err) {
			t.Errorf("%s: %d events, %v", c.name, len(got), err)
		}
	}
}
