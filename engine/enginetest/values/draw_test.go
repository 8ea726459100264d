package values

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// draw gives a literal of the column's type by chance: often one of those that are listed, sometimes NULL.
func (c *column) draw(r *rand.Rand) string {
	if c.literals[0] == "DEFAULT" {
		return "DEFAULT" // generated
	}
	switch r.IntN(12) {
	case 0:
		return "NULL"
	case 1, 2:
		return c.literals[r.IntN(len(c.literals))]
	}
	words := strings.FieldsFunc(c.declared, func(r rune) bool { return r == ' ' || r == '(' || r == ')' || r == ',' })
	size := func(i, or int) int { // a number in the parentheses
		if i < len(words) {
			if n, err := strconv.Atoi(words[i]); err == nil {
				return n
			}
		}
		return or
	}
	switch word := words[0]; word {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT":
		return drawInteger(r, map[string]uint{"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INT": 32, "BIGINT": 64}[word], strings.Contains(c.declared, "UNSIGNED"))
	case "DECIMAL":
		whole, fraction := digits(r, size(1, 10)-size(2, 0)), digits(r, size(2, 0))
		sign := ""
		if r.IntN(2) == 0 && !strings.Contains(c.declared, "UNSIGNED") && !strings.Contains(c.declared, "ZEROFILL") {
			sign = "-"
		}
		return sign + "0" + whole + "." + fraction + "0"
	case "FLOAT", "DOUBLE":
		if size(1, 0) > 0 { // FLOAT(m,d)
			return strconv.FormatFloat((r.Float64()-0.5)*2e4, 'f', 6, 64)
		}
		for {
			f := math.Float64frombits(r.Uint64())
			if word == "FLOAT" {
				f = float64(math.Float32frombits(r.Uint32()))
			}
			if !math.IsNaN(f) && !math.IsInf(f, 0) {
				return strconv.FormatFloat(f, 'e', -1, 64)
			}
		}
	case "BIT":
		return decimal(r.Uint64() >> (64 - size(1, 1)))
	case "YEAR":
		return strconv.Itoa(1901 + r.IntN(255))
	case "DATE":
		return "'" + day(r) + "'"
	case "DATETIME":
		return fmt.Sprintf("'%s %s'", day(r), wallClock(r))
	case "TIMESTAMP":
		return fmt.Sprintf("FROM_UNIXTIME(%d.%06d)", 1+r.IntN(math.MaxInt32-1), r.IntN(1e6))
	case "TIME":
		return fmt.Sprintf("'%s%d:%02d:%02d.%06d'", []string{"", "-"}[r.IntN(2)], r.IntN(839), r.IntN(60), r.IntN(60), r.IntN(1e6))
	case "CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT":
		return quoted(letters(r, r.IntN(size(1, 60)+1)))
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB":
		b := make([]byte, r.IntN(size(1, 200)+1))
		for i := range b {
			b[i] = byte(r.IntN(256)) & byte(r.IntN(2)*255) // half of them zero
		}
		return "x'" + hex.EncodeToString(b) + "'"
	case "JSON":
		text, err := json.Marshal(drawDocument(r, 4))
		if err != nil {
			panic(err)
		}
		return quoted(string(text))
	}
	return c.literals[r.IntN(len(c.literals))]
}

// drawInteger has all magnitudes equally often.
func drawInteger(r *rand.Rand, bits uint, unsigned bool) string {
	n := r.Uint64() >> (64 - bits) >> r.UintN(bits)
	if unsigned {
		return decimal(n)
	}
	return strconv.FormatInt(int64(n<<(64-bits))>>(64-bits), 10)
}

func digits(r *rand.Rand, most int) string {
	if most <= 0 {
		return ""
	}
	b := make([]byte, r.IntN(most+1))
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

func day(r *rand.Rand) string {
	if r.IntN(20) == 0 {
		return fmt.Sprintf("%04d-%02d-00", r.IntN(10000), r.IntN(13))
	}
	return fmt.Sprintf("%04d-%02d-%02d", 1+r.IntN(9999), 1+r.IntN(12), 1+r.IntN(28))
}

func wallClock(r *rand.Rand) string {
	return fmt.Sprintf("%02d:%02d:%02d.%06d", r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
}

// letters are of all scripts; a server writes those that a charset lacks as ?.
func letters(r *rand.Rand, n int) string {
	scripts := [][2]rune{{0x20, 0x7e}, {0x20, 0x7e}, {0xa1, 0xff}, {0x100, 0x17f}, {0x391, 0x3c9}, {0x410, 0x44f}, {0x4e00, 0x9fa5}, {0xac00, 0xd7a3}, {0x1f600, 0x1f64f}}
	s := scripts[r.IntN(len(scripts))]
	var b strings.Builder
	for range n {
		if r.IntN(8) == 0 {
			s = scripts[r.IntN(len(scripts))]
		}
		b.WriteRune(s[0] + rune(r.IntN(int(s[1]-s[0]+1))))
	}
	return b.String()
}

func quoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

func drawDocument(r *rand.Rand, depth int) any {
	kinds := 8
	if depth == 0 {
		kinds = 6
	}
	switch r.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return json.Number(drawInteger(r, 64, r.IntN(2) == 0))
	case 3:
		return json.Number(strconv.FormatFloat(r.NormFloat64()*math.Pow(10, float64(r.IntN(40)-20)), 'g', -1, 64))
	case 4, 5:
		return letters(r, r.IntN(20))
	case 6:
		list := make([]any, r.IntN(5))
		for i := range list {
			list[i] = drawDocument(r, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for range r.IntN(5) {
		object[letters(r, r.IntN(8))] = drawDocument(r, depth-1)
	}
	return object
}
