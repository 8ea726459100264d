package browsertest

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// shot takes a picture of the page for the documentation, where they were asked for.
func (tb *Tab) shot(name string) {
	tb.t.Helper()
	tb.picture(name, "")
}

// shotOf takes a picture of a part of the page.
func (tb *Tab) shotOf(name, selector string) {
	tb.t.Helper()
	tb.picture(name, selector)
}

// dark takes a picture as a dark system shows the page.
func (tb *Tab) dark(name string) {
	tb.t.Helper()
	tb.scheme("dark")
	tb.shot(name)
	tb.scheme("light")
}

func (tb *Tab) picture(name, selector string) {
	tb.t.Helper()
	if *screenshots == "" {
		return
	}
	tb.waitJS("a settled live state", `!document.querySelector("meta[name=live]") || ["open", "gone"].includes(document.documentElement.dataset.live)`)
	// The window is made as tall as the page, so that what sticks to its edge covers nothing, or as what scrolls in it.
	high := eval[int64](tb, `Math.ceil(Math.max(document.documentElement.scrollHeight, ...[...document.querySelectorAll("dialog[open]")].map((d) => d.scrollHeight * 1.1)))`)
	var data []byte
	tb.size(1280, max(720, high))
	shoot := page.CaptureScreenshot()
	if selector != "" {
		r := eval[[4]float64](tb, `(() => { const r = document.querySelector(`+quote(selector)+`).getBoundingClientRect(); return [r.x - 8, r.y - 8, r.width + 16, r.height + 16] })()`)
		shoot = shoot.WithClip(&page.Viewport{X: r[0], Y: r[1], Width: r[2], Height: r[3], Scale: 1})
	}
	tb.run(emulation.SetScrollbarsHidden(true), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		data, err = shoot.Do(ctx)
		return err
	}))
	tb.size(1280, 900)
	must(tb.t, os.MkdirAll(*screenshots, 0o755))
	must(tb.t, os.WriteFile(filepath.Join(*screenshots, name+".png"), small(tb, data), 0o644))
}

// small is the same picture with 256 colours: those that are most frequent, and for others the nearest of them.
func small(tb *Tab, data []byte) []byte {
	tb.t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	must(tb.t, err)
	area := full.Bounds()
	seen := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		r, g, b, _ := full.At(x, y).RGBA()
		return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
	}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			seen[at(x, y)]++
		}
	}
	all := make([]color.RGBA, 0, len(seen))
	for c := range seen {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(uint32(a.R)<<16|uint32(a.G)<<8|uint32(a.B), uint32(b.R)<<16|uint32(b.G)<<8|uint32(b.B)))
	})
	var palette color.Palette
	for _, c := range all[:min(len(all), 256)] {
		palette = append(palette, c)
	}
	nearest := make(map[color.RGBA]uint8, len(all))
	for _, c := range all {
		nearest[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(area, palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			out.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var b bytes.Buffer
	must(tb.t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out))
	return b.Bytes()
}
