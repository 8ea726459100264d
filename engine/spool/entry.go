package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"sluice/engine/cdc"
)

// Entry is one event as it was received.
type Entry struct {
	Raw    []byte
	End    cdc.Position // where the log stands after it
	TID    string       // of the transaction that begins with it
	Time   int64        // its commit time, microseconds since 1970; 0: not known
	Whole  bool         // no transaction is open after it
	Format bool         // it says how those after it are to be read
	// Passing is not in the source's files and never in ours: it is handed on if the reader has nothing else to do.
	Passing bool
	// From, on what Next gives: the reader came to the entry by a jump, from here. A Format entry with From was handed
	// on before or lies elsewhere: it is only to be known.
	From *cdc.Position
}

// A record is its length, its checksum, then: flags, file, offset, the length of the tid and the tid, the time where the
// flags say that there is one, the event.
const (
	frame    = 8
	fixed    = 1 + 8 + 8 + 1
	flagEnds = 1 << 0
	flagForm = 1 << 1
	flagTime = 1 << 2
	// largest is beyond any event: the server's limit is 1 GiB.
	largest = 1<<30 + 1<<20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errTorn = errors.New("the record is torn or damaged")

func (e *Entry) size() int {
	n := frame + fixed + len(e.TID) + len(e.Raw)
	if e.Time != 0 {
		n += 8
	}
	return n
}

// start is where the entry lies in the source's log.
func (e *Entry) start() cdc.Position {
	p := e.End
	p.Offset -= min(p.Offset, uint64(len(e.Raw)))
	return p
}

// record appends the entry's record to dst.
func (e *Entry) record(dst []byte) []byte { return append(e.head(dst), e.Raw...) }

// head appends what stands before the event in the entry's record.
func (e *Entry) head(dst []byte) []byte {
	at := len(dst)
	var flags byte
	if e.Whole {
		flags |= flagEnds
	}
	if e.Format {
		flags |= flagForm
	}
	if e.Time != 0 {
		flags |= flagTime
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.size()-frame))
	dst = append(dst, 0, 0, 0, 0, flags)
	dst = binary.LittleEndian.AppendUint64(dst, e.End.File)
	dst = binary.LittleEndian.AppendUint64(dst, e.End.Offset)
	dst = append(append(dst, byte(len(e.TID))), e.TID...)
	if e.Time != 0 {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Time))
	}
	binary.LittleEndian.PutUint32(dst[at+4:], crc32.Update(crc32.Checksum(dst[at+frame:], castagnoli), castagnoli, e.Raw))
	return dst
}

// readRecord reads one record, of left bytes that are there; io.EOF at the end, errTorn where it is not whole.
func readRecord(r io.Reader, left int64, memory *blocks) (Entry, error) {
	head := memory.take(frame)
	if _, err := io.ReadFull(r, head); err == io.EOF {
		return Entry{}, err
	} else if err != nil {
		return Entry{}, torn(err)
	}
	n := binary.LittleEndian.Uint32(head)
	if n < fixed || n > largest || int64(n) > left-frame { // a length that is damaged must not cost memory
		return Entry{}, errTorn
	}
	body := memory.take(int(n))
	if _, err := io.ReadFull(r, body); err != nil {
		return Entry{}, torn(err)
	}
	switch {
	case crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[4:]):
		return Entry{}, errTorn
	}
	e := Entry{Whole: body[0]&flagEnds != 0, Format: body[0]&flagForm != 0,
		End: cdc.Position{File: binary.LittleEndian.Uint64(body[1:]), Offset: binary.LittleEndian.Uint64(body[9:])}}
	timed, rest := body[0]&flagTime != 0, body[fixed:]
	tid := int(body[fixed-1])
	if tid > len(rest) || timed && tid+8 > len(rest) {
		return Entry{}, errTorn
	}
	e.TID, e.Raw = string(rest[:tid]), rest[tid:]
	if timed {
		e.Time, e.Raw = int64(binary.LittleEndian.Uint64(e.Raw)), e.Raw[8:]
	}
	return e, nil
}

// torn takes the end of a file inside of a record for what it is. Other errors are the disk's.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}
