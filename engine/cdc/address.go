package cdc

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// FixedSize gives the bytes of a value of MariaDB's UUID, INET4 and INET6, and 0 for other types.
func (t Type) FixedSize() int {
	switch t {
	case UUID, Inet6:
		return 16
	case Inet4:
		return 4
	}
	return 0
}

// AppendBytes appends bytes as the server prints them in the type: as they are but for UUID, INET4 and INET6.
func AppendBytes(dst []byte, t Type, b []byte) []byte {
	switch {
	case t == UUID && len(b) == 16:
		for i, end := range [...]int{4, 6, 8, 10, 16} {
			if i > 0 {
				dst = append(dst, '-')
			}
			start := [...]int{0, 4, 6, 8, 10}[i]
			dst = hex.AppendEncode(dst, b[start:end])
		}
		return dst
	case t == Inet4 && len(b) == 4:
		return netip.AddrFrom4([4]byte(b)).AppendTo(dst)
	case t == Inet6 && len(b) == 16:
		return appendInet6(dst, b)
	}
	return append(dst, b...)
}

// appendInet6 writes the first of the longest runs of zero words as "::", also one word alone, and what stands behind
// 96 zero bits, or 80 and 16 ones, as an IPv4 address.
func appendInet6(dst, b []byte) []byte {
	var words [8]uint16
	gap, length := -1, 0
	for i, run := 0, 0; i < 8; i++ {
		words[i] = binary.BigEndian.Uint16(b[2*i:])
		if words[i] != 0 {
			run = 0
			continue
		}
		if run++; run > length {
			gap, length = i+1-run, run
		}
	}
	for i := 0; i < 8; i++ {
		switch {
		case i == gap:
			if i == 0 {
				dst = append(dst, ':')
			}
			dst = append(dst, ':')
			i += length - 1
		case i == 6 && gap == 0 && (length == 6 || length == 5 && words[5] == 0xffff):
			return netip.AddrFrom4([4]byte(b[12:])).AppendTo(dst)
		default:
			dst = strconv.AppendUint(dst, uint64(words[i]), 16)
			if i < 7 {
				dst = append(dst, ':')
			}
		}
	}
	return dst
}
