package shop

import (
	"fmt"
	"math/rand/v2"
)

var (
	adjectives = []string{"blue", "quiet", "swift", "golden", "round", "青色", "安静的", "轻便", "复古", "北方", "früh", "petit"}
	nouns      = []string{"teapot", "lantern", "bicycle", "notebook", "raincoat", "茶杯", "台灯", "自行车", "笔记本", "雨伞", "猫爬架", "Kürbis"}
	emoji      = []string{"", "", "🍵", "🚲", "📚", "🎁", "🧧", "👩‍🚀", "🐼", "🌧️"}
	cities     = []string{"杭州", "北京", "上海", "深圳", "成都", "Hamburg", "Lyon", "Oslo", "Wellington", "São Paulo"}
	notes      = []string{"请在工作日送货", "leave it at the door", "需要发票 🧾", "gift wrap, please 🎀", "打电话前请先发短信", "no \"plastic\" bags; it's fine\twithout", "多加一双筷子 🥢"}
	paths      = []string{"/", "/search?q=茶杯", "/cart", "/products/%d", "/orders", "/help/退货"}
	agents     = []string{"Firefox on Linux", "Safari on iOS", "Chrome on Android", "Chrome on Windows", "WeChat 内置浏览器"}
)

func one(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// label is a name for a thing or for somebody who does not say who they are.
func label(r *rand.Rand) string {
	text := one(r, adjectives) + " " + one(r, nouns)
	if e := one(r, emoji); e != "" {
		text += " " + e
	}
	return text
}

// or gives the value, or NULL with the probability.
func or(r *rand.Rand, null float64, value any) any {
	if r.Float64() < null {
		return nil
	}
	return value
}

func cents(n int) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func path(r *rand.Rand) string {
	p := one(r, paths)
	if p == "/products/%d" {
		p = fmt.Sprintf(p, 1+r.IntN(products))
	}
	return p
}
