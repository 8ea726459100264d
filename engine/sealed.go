package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"sync"

	"sluice/engine/task"
)

// A chunk's file, or its part of a file that it shares, holds its rows as they will be sent, so that after kill -9 the very same records can be produced
// again. Each row is: key, lane, message key, message value, each part with its length in front. Rows that changed
// between S and H are in a second file, the patch, which is small: a row of it replaces the row with the same key in
// the first file, or removes it (lane = gone).

const gone = -1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealedBlock is what is written and read at a time: with less the file system costs more for each byte. What goes past the
// page cache gains by largeBlock, behind the first of them.
const (
	sealedBlock = 256 << 10
	largeBlock  = 1 << 20
)

// smallBlocks and largeBlocks are buffers for that, with room for the last row. Chunks come and go by the second.
var (
	smallBlocks = blockPool{size: sealedBlock}
	largeBlocks = blockPool{size: largeBlock}
)

// blockPool keeps buffers that are used again: as many as there were at a time, up to the end of a copy. A sync.Pool would let go
// of them with each collection, and the heap would grow by what is made instead up to the next one.
type blockPool struct {
	size  int
	mu    sync.Mutex
	spare [][]byte
}

func (p *blockPool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.spare) - 1
	if last < 0 {
		return make([]byte, 0, p.size+sealedBlock/8)
	}
	b := p.spare[last]
	p.spare[last] = nil
	p.spare = p.spare[:last]
	return b
}

// freeBlock gives a buffer back, but for a small one, and one that a large row has made large.
func freeBlock(b []byte) {
	for _, p := range []*blockPool{&smallBlocks, &largeBlocks} {
		if cap(b) >= p.size && cap(b) < p.size+sealedBlock {
			p.mu.Lock()
			p.spare = append(p.spare, b[:0])
			p.mu.Unlock()
		}
	}
}

// restBlocks lets go of them, at the end of a copy. Another task that copies makes new ones.
func restBlocks() {
	for _, p := range []*blockPool{&smallBlocks, &largeBlocks} {
		p.mu.Lock()
		p.spare = nil
		p.mu.Unlock()
	}
}

// sealedRow is one row of a chunk file. The slices are valid until the next row is read.
type sealedRow struct {
	key   []byte // ordered encoding of the row's key; empty where the table has no comparable key
	lane  int
	msg   Message
	bytes int
}

// sealedWriter writes a chunk file and keeps what proves that it is whole.
type sealedWriter struct {
	file  File
	buf   []byte
	full  int   // size of buf at which it is written
	begun int   // bytes that buf begins with and the block before it holds too, the end of its last row
	at    int64 // where the chunk begins in the file
	rows  int64
	bytes int64
	sum   uint32
	kept  *keptRows // of the chunk; nil: its rows are read back from the file
	keeps bool      // all rows up to here
}

func newSealedWriter(files Files, name string) (*sealedWriter, error) {
	f, err := files.Create(name)
	if err != nil {
		return nil, err
	}
	return &sealedWriter{file: f, buf: smallBlocks.get(), full: sealedBlock}, nil
}

// begin goes on with the next chunk of those that share the file.
func (w *sealedWriter) begin() error {
	err := w.flush()
	w.at, w.rows, w.bytes, w.sum = w.at+w.bytes, 0, 0, 0
	return err
}

// keep has the chunk's rows kept in memory too, as far as there is any; the file is of this chunk alone.
func (w *sealedWriter) keep(in *keptMemory) { w.kept, w.keeps = in.rows(), true }

// row begins the next row: the value is to be appended to what it gives, and kept by end.
func (w *sealedWriter) row(key []byte, lane int, msgKey []byte) []byte {
	b := w.buf
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendVarint(b, int64(lane))
	b = binary.AppendUvarint(b, uint64(len(msgKey)))
	b = append(b, msgKey...)
	return append(b, make([]byte, valueLength)...)
}

// valueLength is the size of the length in front of a value, which is known only once that was appended.
const valueLength = 5

// end takes in the row that b ends with, whose value begins at at.
func (w *sealedWriter) end(b []byte, at int) error {
	n, length := len(b)-at, b[at-valueLength:at]
	for i := range length {
		length[i] = byte(n>>(7*i)) | 0x80
	}
	length[valueLength-1] &= 0x7f
	w.buf = b
	w.rows++
	if len(b) < w.full {
		return nil
	}
	if w.keeps && w.kept.keep(w.buf, w.begun) {
		return w.pass()
	}
	return w.flush()
}

// pass writes what fills pages of a block that is kept past the page cache, and begins the next one with the rest.
func (w *sealedWriter) pass() error {
	block := w.buf
	whole := len(block) / FilePage * FilePage
	w.count(block[:whole])
	next := &smallBlocks
	if w.bytes >= largeBlock {
		next = &largeBlocks
	}
	w.full = next.size
	w.buf, w.begun = append(next.get(), block[whole:]...), len(block)-whole
	_, err := w.file.WritePast(block[:whole])
	return err
}

// flush writes all there is. What comes behind it is not kept.
func (w *sealedWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if w.keeps {
		w.keeps = false
		w.kept.length, w.kept.sum = w.bytes+int64(w.begun), crc32.Update(w.sum, castagnoli, w.buf[:w.begun])
	}
	w.count(w.buf)
	_, err := w.file.Write(w.buf)
	w.buf, w.begun = w.buf[:0], 0
	return err
}

// last is flush at the end of the chunk.
func (w *sealedWriter) last() error {
	if !w.keeps || !w.kept.keep(w.buf, w.begun) {
		return w.flush()
	}
	w.count(w.buf)
	w.kept.length, w.kept.sum = w.bytes, w.sum
	_, err := w.file.Write(w.buf)
	w.buf, w.begun, w.keeps = nil, 0, false
	return err
}

func (w *sealedWriter) count(b []byte) {
	w.sum = crc32.Update(w.sum, castagnoli, b)
	w.bytes += int64(len(b))
}

// abandon closes a file that will not be sealed.
func (w *sealedWriter) abandon() { _ = w.close() }

// finish makes the file durable and closes it.
func (w *sealedWriter) finish() error {
	err := w.flush()
	if err == nil {
		err = w.file.Sync()
	}
	return errors.Join(err, w.close())
}

func (w *sealedWriter) close() error {
	freeBlock(w.buf)
	w.buf = nil
	return w.file.Close()
}

// sealedReader reads a chunk's rows, the patch applied.
type sealedReader struct {
	kept  *keptRows     // come first
	file  io.ReadCloser // nil where all rows are kept
	whole *summed       // of the rows that were read; nil after the last, and for a patch
	row   sealedRow
	block []byte              // what was read of the file
	at    int                 // where the next row begins in it
	want  *Chunk              // the file must have its length and checksum
	skip  map[string]struct{} // keys that the patch replaces
	patch []sealedRow
}

// openSealed opens a chunk's rows: those that are kept, and the file's behind them. One of an earlier run is read as a whole
// first: what is damaged must not be sent in part.
func openSealed(files Files, c *Chunk, earlier bool, kept *keptRows) (*sealedReader, error) {
	if earlier {
		if err := verifySealed(files, c); err != nil {
			return nil, err
		}
	}
	r := &sealedReader{kept: kept, want: c, skip: map[string]struct{}{}}
	if c.Patch {
		if err := r.readPatch(files, c.File+".patch"); err != nil {
			return nil, err
		}
	}
	r.whole = &summed{}
	if kept != nil {
		r.whole.bytes, r.whole.sum = kept.length, kept.sum
	}
	if r.whole.bytes == c.Bytes {
		return r, nil
	}
	f, err := openChunk(files, c, r.whole.bytes)
	if err != nil {
		return nil, err
	}
	r.whole.ReadCloser = f
	if r.file = r.whole; c.Bytes < sealedBlock { // such chunks are many
		r.block = make([]byte, 0, c.Bytes+1)
	} else {
		r.block = smallBlocks.get()
	}
	return r, nil
}

// partOf names a chunk's part of a file that it shares: of its own name, the file's and where it begins there.
func partOf(own, file string, at int64) string { return fmt.Sprintf("%s+%s+%d", own, file, at) }

// fileOf gives the file that a chunk's rows are in, and where they begin there.
func fileOf(c string) (file string, at int64, shared bool) {
	_, part, shared := strings.Cut(c, "+")
	if !shared {
		return c, 0, false
	}
	file, offset, _ := strings.Cut(part, "+")
	at, _ = strconv.ParseInt(offset, 10, 64)
	return file, at, true
}

// openChunk opens a chunk's part of its file, from an offset on.
func openChunk(files Files, c *Chunk, from int64) (io.ReadCloser, error) {
	name, at, shared := fileOf(c.File)
	f, err := files.Open(name, at+from)
	if err != nil || !shared {
		return f, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, c.Bytes-from), f}, nil
}

func verifySealed(files Files, c *Chunk) error {
	f, err := openChunk(files, c, 0)
	if err != nil {
		return err
	}
	in := summed{ReadCloser: f}
	_, err = io.Copy(io.Discard, struct{ io.Reader }{&in})
	return errors.Join(err, f.Close(), in.differs(c))
}

// differs is the error of a file that is not the one that was sealed.
func (r *summed) differs(c *Chunk) error {
	if r.bytes == c.Bytes && r.sum == c.Sum {
		return nil
	}
	return &task.Error{Code: "data.chunk_file", Op: "reading chunk file " + c.File,
		Text: fmt.Sprintf("the file holds %d bytes with checksum %08x, it was sealed with %d and %08x", r.bytes, r.sum, c.Bytes, c.Sum),
		Hint: "The data folder was damaged or put back from a copy. Restore it, or copy the table anew in a new task."}
}

func (r *sealedReader) readPatch(files Files, name string) error {
	f, err := files.Open(name, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	p := sealedReader{file: f, block: make([]byte, 0, 4<<10)}
	for {
		row, err := p.read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		key := string(row.key)
		if r.skip[key] = struct{}{}; row.lane != gone {
			r.patch = append(r.patch, sealedRow{lane: row.lane, bytes: row.bytes,
				msg: Message{Key: append([]byte(nil), row.msg.Key...), Value: append([]byte(nil), row.msg.Value...)}})
		}
	}
}

// next gives the next row to send, or io.EOF.
func (r *sealedReader) next() (*sealedRow, error) {
	for r.whole != nil {
		row, err := r.read()
		if err == io.EOF {
			if err := r.whole.differs(r.want); err != nil {
				return nil, err
			}
			r.whole = nil
			break
		}
		if err != nil {
			return nil, err
		}
		if len(r.skip) > 0 {
			if _, ok := r.skip[string(row.key)]; ok {
				continue
			}
		}
		return row, nil
	}
	if len(r.patch) == 0 {
		return nil, io.EOF
	}
	row := &r.patch[0]
	r.patch = r.patch[1:]
	return row, nil
}

func (r *sealedReader) close() error {
	freeBlock(r.block)
	if r.block = nil; r.file == nil {
		return nil
	}
	return r.file.Close()
}

// read reads one row as it stands in the file.
func (r *sealedReader) read() (*sealedRow, error) {
	for {
		switch n, err := r.row.parse(r.block[r.at:]); {
		case err != nil:
			return nil, err
		case n > 0:
			r.at += n
			return &r.row, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads on behind the beginning of a row that the block ends with.
func (r *sealedReader) fill() error {
	if b, ok := r.kept.next(); ok {
		freeBlock(r.block)
		r.block, r.at = b.buf, b.from
		return nil
	}
	if r.file == nil {
		return io.EOF
	}
	begun := copy(r.block, r.block[r.at:])
	if r.at = 0; begun == cap(r.block) {
		r.block = append(make([]byte, 0, 2*begun), r.block[:begun]...)
	}
	n, err := io.ReadAtLeast(r.file, r.block[begun:cap(r.block)], 1)
	r.block = r.block[:begun+n]
	if err == io.EOF && begun > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parse takes the row that b begins with and gives its length there, 0 if b ends inside it.
func (r *sealedRow) parse(b []byte) (length int, err error) {
	rest := b
	part := func() (p []byte, whole bool) {
		n, size := binary.Uvarint(rest)
		if size < 0 || n > 1<<30 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil || size == 0 || uint64(len(rest)-size) < n {
			return nil, false
		}
		p = rest[size : size+int(n) : size+int(n)]
		rest = rest[size+int(n):]
		return p, true
	}
	key, ok := part()
	if !ok {
		return 0, err
	}
	lane, size := binary.Varint(rest)
	if size <= 0 {
		return 0, nil
	}
	rest = rest[size:]
	msgKey, ok := part()
	if !ok {
		return 0, err
	}
	value, ok := part()
	if !ok {
		return 0, err
	}
	*r = sealedRow{lane: int(lane), bytes: len(key) + len(msgKey) + len(value), key: key, msg: Message{Key: msgKey, Value: value}}
	return len(b) - len(rest), nil
}

// summed counts and sums up what is read through it.
type summed struct {
	io.ReadCloser
	sum   uint32
	bytes int64
}

func (r *summed) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.sum = crc32.Update(r.sum, castagnoli, b[:n])
	r.bytes += int64(n)
	return n, err
}
