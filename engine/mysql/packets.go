package mysql

import (
	"bufio"
	"fmt"
	"io"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
)

// packets reads what a server sends for one command, packet by packet: the library makes several objects of each and
// copies it twice. The library's own reader is to be used again once the last packet was read, and no sooner.
type packets struct {
	in       *bufio.Reader
	sequence byte   // of the next packet
	held     int    // bytes of the newest packet, which still stands in the buffer
	long     []byte // the newest packet where the buffer is too small for it
}

const packetBuffer = 64 << 10

// begin is for a command that is about to be sent.
func (p *packets) begin(from io.Reader) {
	if p.in == nil {
		p.in = bufio.NewReaderSize(from, packetBuffer)
	}
	p.sequence = 1
}

// head gives the length of the next packet's bytes, or of their next part, and goes on to them.
func (p *packets) head() (int, error) {
	head, err := p.in.Peek(4)
	if err != nil {
		return 0, lineBroken(err)
	}
	n, err := lengthOf(head, &p.sequence)
	_, _ = p.in.Discard(len(head)) // they are there
	return n, err
}

// lengthOf reads the four bytes before a packet, of which the last is its number.
func lengthOf(head []byte, sequence *byte) (int, error) {
	if head[3] != *sequence {
		return 0, fmt.Errorf("%w: number %d where %d was to come", gomysql.ErrMalformPacket, head[3], *sequence)
	}
	*sequence++
	return int(head[0]) | int(head[1])<<8 | int(head[2])<<16, nil
}

// next gives the next packet, of whatever length. It is valid until the call after.
func (p *packets) next() ([]byte, error) {
	_, _ = p.in.Discard(p.held)
	p.held = 0
	n, err := p.head()
	if err != nil {
		return nil, err
	}
	if n <= p.in.Size() {
		packet, err := p.in.Peek(n)
		if err != nil {
			return nil, lineBroken(err)
		}
		p.held = n
		return packet, nil
	}
	return p.copied(n)
}

// copied reads a packet that the buffer can't hold.
func (p *packets) copied(n int) ([]byte, error) {
	p.long = p.long[:0]
	for {
		at := len(p.long)
		p.long = append(p.long, make([]byte, n)...)
		if _, err := io.ReadFull(p.in, p.long[at:]); err != nil {
			return nil, lineBroken(err)
		}
		if n < gomysql.MaxPayloadLen {
			return p.long, nil
		}
		var err error
		if n, err = p.head(); err != nil {
			return nil, err
		}
	}
}

func lineBroken(err error) error { return fmt.Errorf("%w: %v", gomysql.ErrBadConn, err) }
