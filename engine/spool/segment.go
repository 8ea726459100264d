package spool

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/engine/cdc"
)

// Mark is a point between two transactions.
type Mark struct {
	At     cdc.Position // of the source's log
	Set    cdc.GTIDSet  // the transactions before it
	Format []byte       // the Format entry that holds from there; nil before the first
	Last   Begun        // the newest of the transactions that were received before it
}

// Begun is a transaction by the place where it begins, as the source must still have it.
type Begun struct {
	At   cdc.Position `json:"at"`
	TID  string       `json:"tid"`
	Time int64        `json:"time"`
}

func (m Mark) clone() Mark { m.Set = m.Set.Clone(); return m }

// segment is one file. It begins with a header, between two transactions; records follow.
type segment struct {
	number int64
	start  Mark
	head   int64    // bytes of the header
	size   int64    // bytes with what is still buffered
	path   string   // its name tells whether it is wholly on disk
	out    *os.File // nil once it is, or after a restart
	whole  bool     // nothing more is written to it
	gone   bool     // it was removed
}

// Names of files: the second once the segment is complete and synced.
const (
	fresh  = ".new"
	sealed = ".seg"
)

// version of the files that are written; the one before had no times.
const version = 2

// header is what a segment says of itself.
type header struct {
	Version int          `json:"version"`
	Owner   string       `json:"owner"`
	At      cdc.Position `json:"at"`
	Set     string       `json:"set"`
	Format  []byte       `json:"format,omitempty"`
	Last    Begun        `json:"last,omitzero"`
}

func segmentPath(dir string, number int64, end string) string {
	return filepath.Join(dir, fmt.Sprintf("%012d%s", number, end))
}

// create makes the file of a segment that begins at the mark.
func create(dir, owner string, number int64, m Mark) (*segment, error) {
	text, err := json.Marshal(header{version, owner, m.At, m.Set.String(), m.Format, m.Last})
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(text, castagnoli))
	b = append(b, text...)
	s := &segment{number: number, start: m.clone(), head: int64(len(b)), size: int64(len(b)), path: segmentPath(dir, number, fresh)}
	if s.out, err = os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, err
	}
	if _, err := s.out.Write(b); err != nil {
		return nil, errors.Join(err, s.out.Close())
	}
	return s, nil
}

var errOwner = errors.New("it is of another task or server")

// load reads the header of a file.
func load(path, owner string, flavor cdc.Flavor) (*segment, error) {
	name := filepath.Base(path)
	end := filepath.Ext(name)
	number, err := strconv.ParseInt(strings.TrimSuffix(name, end), 10, 64)
	if err != nil || end != fresh && end != sealed {
		return nil, fmt.Errorf("%s is not a name of a segment: %w", name, errTorn)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	var head [frame]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, torn(err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if int64(n) > info.Size() {
		return nil, errTorn
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return nil, torn(err)
	}
	if crc32.Checksum(text, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	var h header
	if err := json.Unmarshal(text, &h); err != nil || h.Version < 1 || h.Version > version {
		return nil, errors.Join(errTorn, err)
	}
	if h.Owner != owner {
		return nil, errOwner
	}
	s := &segment{number: number, path: path, head: frame + int64(n), size: info.Size(), whole: true}
	s.start = Mark{At: h.At, Format: h.Format, Last: h.Last}
	if s.start.Set, err = cdc.ParseGTIDSet(flavor, h.Set); err != nil {
		return nil, errors.Join(errTorn, err)
	}
	return s, nil
}

// scan reads all records: the mark behind the last whole transaction, and the size of the file up to there.
func (s *segment) scan() (end Mark, size int64, err error) {
	in, err := os.Open(s.path)
	if err != nil {
		return end, 0, err
	}
	defer in.Close()
	if _, err := in.Seek(s.head, io.SeekStart); err != nil {
		return end, 0, err
	}
	r := bufio.NewReaderSize(in, 1<<20)
	now := s.start.clone()
	end, size = now.clone(), s.head
	at := s.head
	var open []string
	var memory blocks
	for {
		e, err := readRecord(r, s.size-at, &memory)
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return end, size, nil
		}
		if err != nil {
			return end, size, err
		}
		at += int64(e.size())
		now.see(&e)
		if e.TID != "" {
			open = append(open, e.TID)
		}
		if e.Whole {
			for _, tid := range open {
				if err := end.Set.Add(tid); err != nil {
					return end, size, fmt.Errorf("%s: %w", s.path, err)
				}
			}
			open = open[:0]
			end.At, end.Format, end.Last, size = now.At, now.Format, now.Last, at
		}
	}
}

// see moves the mark past the entry; the set is left to the caller, who knows when the transaction is whole.
func (m *Mark) see(e *Entry) {
	m.At = e.End
	if e.Format {
		m.Format = bytes.Clone(e.Raw)
	}
	if e.TID != "" {
		m.Last = Begun{e.start(), e.TID, e.Time}
	}
}
