package mysql

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"
)

// feeder gives the events of a dump, as the server sent them, to a translator. A compressed transaction is opened piece by
// piece: all of it at once may be of gigabytes.
type feeder struct {
	t    *translator
	head replication.EventHeader // of the event that is being read
	zstd *zstd.Decoder
}

func newFeeder(t *translator) *feeder { return &feeder{t: t} }

func (f *feeder) feed(raw []byte) error {
	if err := readHead(&f.head, raw); err != nil {
		return err
	}
	if f.head.EventType == replication.TRANSACTION_PAYLOAD_EVENT {
		return f.payload(raw)
	}
	return f.t.take(&f.head, raw)
}

// elsewhere takes an event that does not lie where the dump stands.
func (f *feeder) elsewhere(raw []byte) error {
	if err := readHead(&f.head, raw); err != nil {
		return err
	}
	if err := f.t.learn(raw); err != nil {
		return err
	}
	return f.t.event(&f.head, f.t.body(raw), f.t.end)
}

// readHead reads the head of an event, which must be as long as it says.
func readHead(h *replication.EventHeader, raw []byte) error {
	if len(raw) < replication.EventHeaderSize {
		return errShortEvent
	}
	h.Timestamp = binary.LittleEndian.Uint32(raw)
	h.EventType = replication.EventType(raw[4])
	h.ServerID = binary.LittleEndian.Uint32(raw[5:])
	h.EventSize = binary.LittleEndian.Uint32(raw[9:])
	h.LogPos = binary.LittleEndian.Uint32(raw[13:])
	h.Flags = binary.LittleEndian.Uint16(raw[17:])
	if int64(h.EventSize) != int64(len(raw)) {
		return fmt.Errorf("an event of %d bytes says that it has %d", len(raw), h.EventSize)
	}
	return nil
}

// payload opens a compressed transaction. Its events have no place of their own: they start where the payload does. They
// have no checksums.
func (f *feeder) payload(raw []byte) error {
	t := f.t
	start := t.advance(&f.head)
	head, err := payloadHead(t.body(raw))
	if err != nil {
		return err
	}
	in, err := f.open(head)
	if err != nil {
		return err
	}
	for {
		inner, err := nextInside(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = readHead(&f.head, inner)
		}
		if err != nil {
			return &undecodable{fmt.Errorf("the compressed transaction at %s: %w", start.In(""), err)}
		}
		if err := t.event(&f.head, inner[replication.EventHeaderSize:], start); err != nil {
			return err
		}
	}
}

// open gives what the payload holds, and an error at its end if that is not as long as the server said.
func (f *feeder) open(p payloadFields) (io.Reader, error) {
	data := bytes.NewReader(p.data)
	switch p.compression {
	case replication.NONE:
		return &sized{data, p.size}, nil
	case replication.ZSTD:
	default:
		return nil, &undecodable{fmt.Errorf("compression %d of a transaction is not known", p.compression)}
	}
	if f.zstd == nil {
		var err error
		if f.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)); err != nil {
			return nil, err
		}
	}
	if err := f.zstd.Reset(data); err != nil {
		return nil, err
	}
	return &sized{f.zstd, p.size}, nil
}

// sized is a reader that must give exactly so many bytes.
type sized struct {
	io.Reader
	left uint64
}

func (s *sized) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if uint64(n) > s.left {
		return 0, errors.New("it holds more than its head says")
	}
	s.left -= uint64(n)
	if errors.Is(err, io.EOF) && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// nextInside reads one event; io.EOF is the end behind the last.
func nextInside(in io.Reader) ([]byte, error) {
	var head [replication.EventHeaderSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[9:])
	if size < replication.EventHeaderSize || size > maxInside {
		return nil, fmt.Errorf("an event of %d bytes", size)
	}
	event := append(make([]byte, 0, size), head[:]...)[:size] // rows are kept as they lie here
	_, err := io.ReadFull(in, event[replication.EventHeaderSize:])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return event, err
}

// maxInside is the largest event that a server writes: max_allowed_packet and its head.
const maxInside = 1<<30 + 1<<20

type payloadFields struct {
	compression, size uint64
	data              []byte
}

// Fields of a payload event: a type, the length of what follows, and numbers in the form of the protocol.
const (
	payloadEnd         = 0
	payloadCompression = 2
	payloadSize        = 3
)

func payloadHead(b []byte) (p payloadFields, err error) {
	for {
		kind, n := number64(b)
		if b = b[n:]; n > 0 && kind == payloadEnd {
			p.data = b
			return p, nil
		}
		length, m := number64(b)
		if n == 0 || m == 0 || length > uint64(len(b)-m) {
			return p, &undecodable{errors.New("the head of a compressed transaction is cut off")}
		}
		value, _ := number64(b[m : m+int(length)])
		switch kind {
		case payloadCompression:
			p.compression = value
		case payloadSize:
			p.size = value
		}
		b = b[m+int(length):]
	}
}

// number64 reads a number of the protocol and says how many bytes it took, 0 if they are not there.
func number64(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = map[byte]int{0xfc: 3, 0xfd: 4, 0xfe: 9}[b[0]]
	if n == 0 {
		return uint64(b[0]), 1
	}
	if len(b) < n {
		return 0, 0
	}
	var whole [8]byte
	copy(whole[:], b[1:n])
	return binary.LittleEndian.Uint64(whole[:]), n
}
