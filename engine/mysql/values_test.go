package mysql

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

func TestCalendar(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		us := r.Int64N(4_000_000_000_000_000) - 1_000_000_000_000_000
		want := time.UnixMicro(us).UTC()
		y, mo, d, h, mi, s, micro := cdc.UnpackDateTime(packTimestamp(us))
		if y != want.Year() || mo != int(want.Month()) || d != want.Day() || h != want.Hour() || mi != want.Minute() || s != want.Second() || micro != want.Nanosecond()/1000 {
			t.Fatalf("%d is %v, got %d-%d-%d %d:%d:%d.%d", us, want, y, mo, d, h, mi, s, micro)
		}
		if got := unixMicros(y, mo, d, h, mi, s, micro); got != us {
			t.Fatalf("%v is %d, got %d", want, us, got)
		}
	}
}

// TestJSONDoubles compares the text of random doubles with MySQL's.
func TestJSONDoubles(t *testing.T) {
	t.Parallel()
	m := servers.SharedMySQL(t, servers.MySQL80)
	c := m.Conn(t, "")
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		var literals []string
		var want []float64
		for range 200 {
			f := math.Float64frombits(r.Uint64())
			if r.IntN(2) == 0 {
				f, _ = strconv.ParseFloat(strconv.FormatFloat(r.NormFloat64()*math.Pow(10, float64(r.IntN(40)-20)), 'g', 1+r.IntN(17), 64), 64)
			}
			if math.IsNaN(f) || math.IsInf(f, 0) {
				continue
			}
			want = append(want, f)
			literals = append(literals, strconv.FormatFloat(f, 'e', -1, 64))
		}
		got := strings.Split(strings.Trim(text(t, c, "SELECT CAST(JSON_ARRAY("+strings.Join(literals, ",")+") AS CHAR)"), "[]"), ", ")
		for i, f := range want {
			if ours := string(appendJSONDouble(nil, f)); ours != got[i] {
				t.Errorf("%s: %s, the server prints %s", literals[i], ours, got[i])
			}
		}
	}
}

func TestJSONMalformed(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 50_000 {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if len(b) > 0 {
			b[0] = byte(r.IntN(16))
		}
		appendJSON(nil, b) // must not panic
	}
	if _, err := appendJSON(nil, []byte{12, 200}); err == nil {
		t.Error("a string without its length must fail")
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	got := labels(`set('a','b''c','d\\e','','f\ng','(x),')`)
	want := []string{"a", "b'c", `d\e`, "", "f\ng", "(x),"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLostLabels: labels that the server shows with "?" for what it cannot show are asked for; where it does not tell
// them they are not guessed.
func TestLostLabels(t *testing.T) {
	t.Parallel()
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MySQL97, servers.MariaDB1011} {
		m := servers.SharedMySQL(t, kind)
		s := open(t, m)
		db, c := database(t, m)
		many := make([]string, 1203)
		for i := range many {
			many[i] = strconv.Itoa(i) + "🙂"
		}
		run(t, c, "CREATE TABLE a (e ENUM('🙂', '?', 'x🚀?'), f ENUM('?') CHARACTER SET latin1, g SET('漢'), s SET('🙂','a','?') CHARACTER SET utf16, m ENUM('"+strings.Join(many, "','")+"'), w "+
			strings.Replace(wide("SET", 64), "'l63'", "'😀'", 1)+", v "+strings.Replace(wide("SET", 64), "'l7'", "'😀'", 1)+")", "INSERT INTO a (e) VALUES ('🙂')")
		table, err := s.Table(testContext(t), cdc.TableID{Schema: db, Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]string{{"🙂", "?", "x🚀?"}, {"?"}, {"漢"}, {"🙂", "a", "?"}, many, nil, nil} {
			c := table.Columns[i]
			refused := kind == servers.MySQL80 && i != 1 && i != 2 || kind.MariaDB() && i == 5
			if (c.Type == cdc.Unsupported) != refused || !refused && want != nil && !slices.Equal(c.Labels, want) || !refused && i == 5 && c.Labels[63] != "😀" || !refused && i == 6 && (c.Labels[7] != "😀" || c.Labels[63] != "l63") {
				t.Errorf("%s: %.300v", kind, c)
			}
		}
	}
}

func TestShownAs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shown, label string
		want         bool
	}{{"?", "🙂", true}, {"?", "?", true}, {"?x?", "?x🙂", true}, {"?", "1", false}, {"1?", "1", false}, {"", "🙂", false}, {"a", "🙂", false}, {"?", "漢", false}} {
		if shownAs(c.shown, c.label) != c.want {
			t.Errorf("%+v", c)
		}
	}
}
