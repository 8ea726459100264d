package charset

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// recipe says where MySQL's charset differs from the encoding that it is made from.
type recipe struct {
	c1        bool            // the bytes 80 to 9f that the encoding lacks are the control characters of that number
	undefined [2]byte         // first and last of the bytes that the encoding has and MySQL has not
	single    map[byte]rune   // bytes that differ
	wide      bool            // there are characters of two bytes
	double    map[uint16]rune // of these, those that differ
	triple    map[uint16]rune // there are characters of three bytes behind 8f, and of these those that differ
	private   func(lead byte, pair uint16) (rune, bool)
	without   [][2]uint16       // first and last of the codes of two bytes that the encoding has and MySQL has not
	runs      map[uint16]string // codes of two bytes that differ, and those behind them in the same row
	third     map[uint16]string // the same behind 8f
}

// table maps characters of one, two and three bytes; absent is what is not defined.
type table struct {
	single [256]rune
	double []rune
	triple []rune
}

const absent = rune(-1)

func newTable(e encoding.Encoding, r recipe) *table {
	t := &table{}
	d := e.NewDecoder()
	for i := range t.single {
		t.single[i] = decodeOne(d, byte(i))
		if r.undefined[0] > 0 && byte(i) >= r.undefined[0] && byte(i) <= r.undefined[1] {
			t.single[i] = absent
		}
		if r.c1 && t.single[i] == absent && i < 0xa0 {
			t.single[i] = rune(i)
		}
	}
	for b, c := range r.single {
		t.single[b] = c
	}
	if r.wide {
		t.double = pairs(t, r, func(pair uint16) rune { return decodeOne(d, byte(pair>>8), byte(pair)) }, 0)
		for pair, c := range r.double {
			t.double[pair] = c
		}
		for _, w := range r.without {
			for pair := int(w[0]); pair <= int(w[1]); pair++ {
				t.double[pair] = absent
			}
		}
		spread(t.double, r.runs)
	}
	if r.triple != nil {
		t.triple = pairs(t, r, func(pair uint16) rune { return decodeOne(d, 0x8f, byte(pair>>8), byte(pair)) }, 0x8f)
		for pair, c := range r.triple {
			t.triple[pair] = c
		}
		spread(t.triple, r.third)
	}
	return t
}

// spread puts runs of characters where they belong; a row has no codes between 7e and a1.
func spread(pairs []rune, runs map[uint16]string) {
	for pair, run := range runs {
		for _, c := range run {
			pairs[pair] = c
			if pair++; pair&0xff == 0x7f {
				pair += 0xa1 - 0x7f
			}
		}
	}
}

// fromList makes a charset of one byte out of the characters from 80 on, with those below that are not ASCII.
func fromList(upper string, lower map[byte]rune) *table {
	t := &table{}
	for i := range t.single {
		t.single[i] = absent
		if i < 0x80 {
			t.single[i] = rune(i)
		}
	}
	at := 0x80
	for _, c := range upper {
		if c != utf8.RuneError {
			t.single[at] = c
		}
		at++
	}
	for b, c := range lower {
		t.single[b] = c
	}
	return t
}

func pairs(t *table, r recipe, decode func(uint16) rune, lead byte) []rune {
	out := make([]rune, 1<<16)
	for i := range out {
		out[i] = absent
		pair := uint16(i)
		if pair < 0x8000 || lead == 0 && t.single[pair>>8] != absent {
			continue
		}
		out[i] = decode(pair)
		if r.private != nil {
			if c, ok := r.private(lead, pair); ok {
				out[i] = c
			}
		}
	}
	return out
}

// decodeOne gives the one character that the bytes are, or absent.
func decodeOne(d *encoding.Decoder, b ...byte) rune {
	out, err := d.Bytes(b)
	r, n := utf8.DecodeRune(out)
	if err != nil || n != len(out) || r == utf8.RuneError {
		return absent
	}
	return r
}

func (t *table) convert(dst, src []byte) ([]byte, bool) {
	for i := 0; i < len(src); {
		b := src[i]
		r, n := t.single[b], 1
		if r == absent {
			switch {
			case t.triple != nil && b == 0x8f && i+2 < len(src):
				r, n = t.triple[uint16(src[i+1])<<8|uint16(src[i+2])], 3
			case t.double != nil && i+1 < len(src):
				r, n = t.double[uint16(b)<<8|uint16(src[i+1])], 2
			}
			if r == absent {
				return dst, false
			}
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return dst, true
}

// privateCP932 maps the user-defined characters f040 to f9fc to U+E000 and on, 188 a lead byte.
func privateCP932(_ byte, pair uint16) (rune, bool) {
	lead, trail := rune(pair>>8), rune(pair&0xff)
	if lead < 0xf0 || lead > 0xf9 || trail < 0x40 || trail == 0x7f || trail > 0xfc {
		return 0, false
	}
	if trail > 0x7f {
		trail--
	}
	return 0xe000 + (lead-0xf0)*188 + trail - 0x40, true
}

// privateEUC maps the user-defined characters f5a1 to fefe to U+E000 and on, 94 a lead byte; those behind 8f follow.
func privateEUC(first byte, pair uint16) (rune, bool) {
	lead, trail := rune(pair>>8), rune(pair&0xff)
	if lead < 0xf5 || lead > 0xfe || trail < 0xa1 || trail > 0xfe {
		return 0, false
	}
	r := 0xe000 + (lead-0xf5)*94 + trail - 0xa1
	if first == 0x8f {
		r += 940
	}
	return r, true
}

// privateGB maps the three user-defined areas of gb18030 to U+E000, U+E234 and U+E4C6.
func privateGB(_ byte, pair uint16) (rune, bool) {
	lead, trail := rune(pair>>8), rune(pair&0xff)
	switch {
	case lead >= 0xaa && lead <= 0xaf && trail >= 0xa1 && trail <= 0xfe:
		return 0xe000 + (lead-0xaa)*94 + trail - 0xa1, true
	case lead >= 0xf8 && lead <= 0xfe && trail >= 0xa1 && trail <= 0xfe:
		return 0xe234 + (lead-0xf8)*94 + trail - 0xa1, true
	case lead >= 0xa1 && lead <= 0xa7 && trail >= 0x40 && trail <= 0xa0 && trail != 0x7f:
		if trail > 0x7f {
			trail--
		}
		return 0xe4c6 + (lead-0xa1)*96 + trail - 0x40, true
	}
	return 0, false
}
