package route

import "testing"

// The expected values are those of java.lang.String.hashCode, printed by a JVM.
func TestHashCodeIsJavas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		hash     int32
		of6, of7 int
	}{
		{"", 0, 0, 0},
		{"hello", 99162322, 4, 0},
		{"shop.orders", 570428637, 3, 2},
		{"shop.orders:1", -1573891884, 2, 4},
		{"shop.orders:42", -1546008005, 3, 6},
		{"shop.orders:中文", -1545363273, 5, 3},
		{"shop.orders:😀", -1544236768, 4, 5},
		{"商店.订单:张三,李四", 1367910374, 2, 5},
		{`shop.orders:a\,b,c\:d`, -2135640863, 3, 3},
		{"shop.orders:18446744073709551615", -880559230, 4, 4},
		{"shop.t:-1.50", -1009672793, 3, 6},
		{"polygenelubricants", -2147483648, 0, 0},
		{"shop.orders:€uro", 592682435, 5, 2},
		{"shop.docs:00ff10", -423289850, 0, 5},
	} {
		if got := hashCode([]byte(c.text)); got != c.hash {
			t.Errorf("hashCode(%q) = %d, Java gives %d", c.text, got, c.hash)
		}
		if a, b := partition([]byte(c.text), 6), partition([]byte(c.text), 7); a != c.of6 || b != c.of7 {
			t.Errorf("partition(%q) of 6 and 7 = %d, %d, want %d, %d", c.text, a, b, c.of6, c.of7)
		}
	}
}
