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
	Whole  bool         // no transaction is open after it
	Format bool         // it says how those after it are to be read
	// Passing is not in the source's files and never in ours: it is handed on if the reader has nothing else to do.
	Passing bool
	// From, on what Next gives: the reader came to the entry by a jump, from here. A Format entry with From was handed
	// on before or lies elsewhere: it is only to be known.
	From *cdc.Position
}

// A record is its length, its checksum, then: flags, file, offset, the length of the tid and the tid, the event.
const (
	frame    = 8
	fixed    = 1 + 8 + 8 + 1
	flagEnds = 1 << 0
	flagForm = 1 << 1
	// largest is beyond any event: the server's limit is 1 GiB.
	largest = 1<<30 + 1<<20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errTorn = errors.New("the record is torn or damaged")

func (e *Entry) size() int { return frame + fixed + len(e.TID) + len(e.Raw) }

// record appends the entry's record to dst.
func (e *Entry) record(dst []byte) []byte {
	at := len(dst)
	var flags byte
	if e.Whole {
		flags |= flagEnds
	}
	if e.Format {
		flags |= flagForm
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.size()-frame))
	dst = append(dst, 0, 0, 0, 0, flags)
	dst = binary.LittleEndian.AppendUint64(dst, e.End.File)
	dst = binary.LittleEndian.AppendUint64(dst, e.End.Offset)
	dst = append(append(dst, byte(len(e.TID))), e.TID...)
	dst = append(dst, e.Raw...)
	binary.LittleEndian.PutUint32(dst[at+4:], crc32.Checksum(dst[at+frame:], castagnoli))
	return dst
}

// readRecord reads one record; io.EOF at the end, errTorn where it is not whole.
func readRecord(r io.Reader) (Entry, error) {
	var head [frame]byte
	if _, err := io.ReadFull(r, head[:]); err == io.EOF {
		return Entry{}, err
	} else if err != nil {
		return Entry{}, torn(err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n < fixed || n > largest {
		return Entry{}, errTorn
	}
	body, err := readBody(r, int(n))
	switch {
	case err != nil:
		return Entry{}, torn(err)
	case crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[4:]):
		return Entry{}, errTorn
	}
	tid := int(body[fixed-1])
	if fixed+tid > len(body) {
		return Entry{}, errTorn
	}
	return Entry{
		Whole: body[0]&flagEnds != 0, Format: body[0]&flagForm != 0,
		End: cdc.Position{File: binary.LittleEndian.Uint64(body[1:]), Offset: binary.LittleEndian.Uint64(body[9:])},
		TID: string(body[fixed : fixed+tid]), Raw: body[fixed+tid:],
	}, nil
}

// torn takes the end of a file inside of a record for what it is. Other errors are the disk's.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}

// readBody reads n bytes; a length that is damaged must not cost more memory than there are bytes.
func readBody(r io.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	if n <= step {
		body := make([]byte, n)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	var body []byte
	for len(body) < n {
		at := len(body)
		body = append(body, make([]byte, min(max(step, at), n-at))...)
		if _, err := io.ReadFull(r, body[at:]); err != nil {
			return nil, err
		}
	}
	return body, nil
}
