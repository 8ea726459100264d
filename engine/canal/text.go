package canal

import "slices"

// widths is how many bytes a byte takes in a JSON string beyond its own.
var widths = func() (w [256]uint8) {
	for b := range 0x20 {
		w[b] = 5 // \u001f
	}
	for _, b := range "\b\f\n\r\t\"\\" {
		w[b] = 1
	}
	return w
}()

const short = "btn?fr" // the letters of the bytes from 8 on

// escape makes dst[at:], which is UTF-8, the inside of a JSON string, moving it from its end.
func escape(dst []byte, at int) []byte {
	extra := 0
	for _, b := range dst[at:] {
		extra += int(widths[b])
	}
	if extra == 0 {
		return dst
	}
	const digits = "0123456789abcdef"
	from := len(dst)
	dst = slices.Grow(dst, extra)[:from+extra]
	for to := len(dst); from < to; {
		from--
		b := dst[from]
		switch widths[b] {
		case 0:
			to--
			dst[to] = b
		case 1:
			to -= 2
			dst[to], dst[to+1] = '\\', b
			if b < 0x20 {
				dst[to+1] = short[b-8]
			}
		default:
			to -= 6
			copy(dst[to:], `\u00`)
			dst[to+4], dst[to+5] = digits[b>>4], digits[b&15]
		}
	}
	return dst
}

// appendText writes UTF-8 as the inside of a JSON string.
func appendText[S string | []byte](dst []byte, s S) []byte {
	return escape(append(dst, s...), len(dst))
}

func appendQuoted(dst []byte, s string) []byte {
	return append(appendText(append(dst, '"'), s), '"')
}
