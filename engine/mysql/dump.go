package mysql

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
)

// dump is a connection on which the server sends its binlog, as it would to a replica. What it sends is read here packet
// by packet: the library makes several objects of each and copies it twice.
type dump struct {
	conn     *client.Conn
	id       uint32 // the server id with which it is asked for
	in       io.Reader
	sequence byte         // of the next packet
	idle     func() error // called before the line is waited for; nil: nothing
	checksum int          // bytes behind each event

	// What was read lies in block[at:end] and is given out where it is: the block is freed with the last of its events,
	// so that a small one costs no allocation of its own.
	block   []byte
	at, end int
}

const (
	dumpBlock = 128 << 10
	ownBlock  = 16 << 10 // a packet of that many bytes has memory of its own if it is not in the block already
	leastRead = 8 << 10  // a block with less room is left, when it has no whole packet any more
)

// openDump signs in; setUp is called once the account is let in.
func (s *Source) openDump(ctx context.Context, line *heldLine, id uint32, setUp func(*client.Conn) error) (*dump, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.ConnectWithDialer(ctx, "tcp", s.dialer.addr, s.spec.User, s.spec.Password.Reveal(), "", line.dial, func(c *client.Conn) error {
		c.SetTLSConfig(s.dialer.tls)
		return nil
	})
	if err != nil {
		return nil, err
	}
	d := &dump{conn: c, id: id}
	if err = setUp(c); err == nil {
		err = d.register(s)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return d, nil
}

// register makes the connection a replica's. A server need not send the checksums of events; where it does, they are
// compared.
func (d *dump) register(s *Source) error {
	name := make([]byte, 16)
	rand.Read(name) // never fails
	period := heartbeat
	if s.server.Flavor == cdc.MariaDB {
		period = mariaHeartbeat
	}
	sql := fmt.Sprintf("SET @master_binlog_checksum='NONE', @source_binlog_checksum='NONE', @master_heartbeat_period=%d, @source_heartbeat_period=%[1]d, @slave_uuid='%s', @replica_uuid='%[2]s'", period, uuidText(name))
	if s.server.Flavor == cdc.MariaDB {
		sql += ", @mariadb_slave_capability=4" // it knows GTID events
	}
	if _, err := d.conn.Execute(sql); err != nil {
		return err
	}
	host, _ := os.Hostname()
	b := binary.LittleEndian.AppendUint32([]byte{gomysql.COM_REGISTER_SLAVE}, d.id)
	for _, text := range []string{host, s.spec.User, ""} {
		text = text[:min(len(text), 255)]
		b = append(append(b, byte(len(text))), text...)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(port(s.spec)))
	if err := d.command(append(b, make([]byte, 8)...)); err != nil { // rank and id of a source
		return err
	}
	_, err := d.conn.ReadOKPacket()
	return err
}

func (d *dump) command(b []byte) error {
	d.conn.ResetSequence()
	return d.conn.WritePacket(append(make([]byte, 4, 4+len(b)), b...))
}

// startAfter has all be sent but these transactions. A server of MySQL begins at the place, if one is given, and looks for
// it else.
func (d *dump) startAfter(flavor cdc.Flavor, set, file string, at cdc.Position) error {
	known, err := gomysql.ParseGTIDSet(string(flavor), set)
	if err != nil {
		return err
	}
	if flavor == cdc.MariaDB {
		if _, err := d.conn.Execute("SET @slave_connect_state='" + known.String() + "', @slave_gtid_strict_mode=1"); err != nil {
			return err
		}
		return d.startAt("", 0)
	}
	b := binary.LittleEndian.AppendUint32([]byte{gomysql.COM_BINLOG_DUMP_GTID, 0, 0}, d.id)
	b = append(binary.LittleEndian.AppendUint32(b, uint32(len(file))), file...)
	b = binary.LittleEndian.AppendUint64(b, max(at.Offset, cdc.FirstEvent))
	encoded := known.Encode()
	return d.start(append(binary.LittleEndian.AppendUint32(b, uint32(len(encoded))), encoded...))
}

// startAt has all be sent from a place on.
func (d *dump) startAt(file string, offset uint32) error {
	b := binary.LittleEndian.AppendUint32([]byte{gomysql.COM_BINLOG_DUMP}, offset)
	b = binary.LittleEndian.AppendUint32(append(b, 0, 0), d.id)
	return d.start(append(b, file...))
}

func (d *dump) start(command []byte) error {
	d.in, d.sequence = d.conn.Conn.Conn, 1
	return d.command(command)
}

// each gives the bytes of every event, until the server or the line ends it or take gives an error. Before it waits for
// the line it calls idle, if there is one.
func (d *dump) each(take func(raw []byte) error, idle func() error) error {
	d.idle = idle
	for {
		p, err := d.packet()
		if err == nil && len(p) == 0 {
			err = gomysql.ErrMalformPacket
		}
		if err != nil {
			return err
		}
		switch p[0] {
		case gomysql.OK_HEADER:
			if err = d.intact(p[1:]); err == nil {
				err = take(p[1:])
			}
		case gomysql.ERR_HEADER:
			err = d.conn.HandleErrorPacket(p)
		case gomysql.EOF_HEADER:
			err = io.EOF
		default:
			err = gomysql.ErrMalformPacket
		}
		if err != nil {
			return err
		}
	}
}

// packet reads the next packet, of whatever length.
func (d *dump) packet() ([]byte, error) {
	var whole []byte
	for {
		head, err := d.read(4)
		if err != nil {
			return nil, err
		}
		n, err := lengthOf(head, &d.sequence)
		if err != nil {
			return nil, err
		}
		part, err := d.read(n)
		if err != nil {
			return nil, err
		}
		if whole == nil && n < gomysql.MaxPayloadLen {
			return part, nil
		}
		if whole = append(whole, part...); n < gomysql.MaxPayloadLen {
			return whole, nil
		}
	}
}

// read gives the next n bytes of the line.
func (d *dump) read(n int) ([]byte, error) {
	if n > d.end-d.at && n >= ownBlock {
		return d.readOwn(n)
	}
	for n > d.end-d.at {
		if len(d.block)-d.at < n || len(d.block)-d.end < leastRead {
			block := make([]byte, dumpBlock)
			d.at, d.end, d.block = 0, copy(block, d.block[d.at:d.end]), block
		}
		m, err := d.more(d.block[d.end:])
		if d.end += m; err != nil && n > d.end-d.at {
			return nil, lineBroken(err)
		}
	}
	part := d.block[d.at : d.at+n : d.at+n]
	d.at += n
	return part, nil
}

// readOwn gives the next n bytes in memory of their own.
func (d *dump) readOwn(n int) ([]byte, error) {
	part := make([]byte, n)
	have := copy(part, d.block[d.at:d.end])
	d.at = d.end
	for have < n {
		m, err := d.more(part[have:])
		if have += m; err != nil && have < n {
			return nil, lineBroken(err)
		}
	}
	return part, nil
}

// more reads what the line has.
func (d *dump) more(into []byte) (int, error) {
	if d.idle != nil {
		if err := d.idle(); err != nil {
			return 0, err
		}
	}
	return d.in.Read(into)
}

var errChecksum = errors.New("an event does not fit its checksum")

// intact compares an event with its checksum.
func (d *dump) intact(raw []byte) error {
	if len(raw) < replication.EventHeaderSize {
		return errShortEvent
	}
	if replication.EventType(raw[4]) == replication.FORMAT_DESCRIPTION_EVENT {
		var err error
		if d.checksum, err = checksumOf(raw); err != nil {
			return err
		}
	}
	at := len(raw) - d.checksum
	if d.checksum > 0 && crc32.ChecksumIEEE(raw[:at]) != binary.LittleEndian.Uint32(raw[at:]) {
		return errChecksum
	}
	return nil
}
