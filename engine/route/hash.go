package route

import "unicode/utf8"

// hashCode is Java's String.hashCode of the UTF-8 text: 31*h + unit over its UTF-16 code units.
func hashCode(text []byte) int32 {
	var h uint32
	for i := 0; i < len(text); {
		if b := text[i]; b < utf8.RuneSelf {
			h = 31*h + uint32(b)
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		i += n
		if r >= 0x10000 {
			r -= 0x10000
			h = 31*h + 0xd800 + uint32(r>>10)
			r = 0xdc00 + r&0x3ff
		}
		h = 31*h + uint32(r)
	}
	return int32(h)
}

// partition maps the text to one of n partitions.
func partition(text []byte, n int) int {
	if n == 1 {
		return 0
	}
	return int(hashCode(text)&0x7fffffff) % n
}
