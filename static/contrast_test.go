package static

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var token = regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`)

// colours are the tokens of the style sheet: of the light scheme and of the dark one.
func colours(t *testing.T) map[string][2]string {
	t.Helper()
	sheet, err := embedded.ReadFile("app.css")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][2]string{}
	for _, m := range token.FindAllStringSubmatch(string(sheet), -1) {
		out[m[1]] = [2]string{m[2], m[3]}
	}
	return out
}

// luminance is as WCAG 2 defines it.
func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8) // the pattern has seen to it
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrast(t *testing.T) {
	t.Parallel()
	if got := contrast("#000000", "#ffffff"); math.Abs(got-21) > 0.01 {
		t.Fatalf("black on white has %v, want 21", got)
	}
	all := colours(t)
	check := func(front, ground string, least float64) {
		for scheme, name := range []string{"light", "dark"} {
			if all[front][scheme] == "" || all[ground][scheme] == "" {
				t.Fatalf("there is no colour %s or %s", front, ground)
			}
			if got := contrast(all[front][scheme], all[ground][scheme]); got < least {
				t.Errorf("%s: %s on %s has %.2f, less than %.1f", name, front, ground, got, least)
			}
		}
	}
	for _, ground := range []string{"bg", "sheet", "idle-soft", "accent-soft", "ok-soft", "warn-soft", "bad-soft", "busy-soft"} {
		check("fg", ground, 4.5)
	}
	for _, text := range []string{"muted", "accent", "ok", "warn", "bad", "busy", "idle"} {
		check(text, "sheet", 4.5)
		check(text, "bg", 4.5)
	}
	for _, tone := range []string{"ok", "warn", "bad", "busy", "idle", "accent"} {
		check(tone, tone+"-soft", 4.5)
	}
	check("accent-fg", "accent", 4.5)
	check("icon-in", "bad", 4.5)
	for _, shape := range []string{"edge", "accent", "busy", "warn", "ok", "bad"} {
		check(shape, "sheet", 3)
		check(shape, "bg", 3)
	}
}

// The style sheet and the scripts need nothing from elsewhere, and nothing that the content policy forbids.
func TestFilesStandAlone(t *testing.T) {
	t.Parallel()
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range f.Names() {
		text := string(f.files[name].plain)
		for _, never := range []string{"https://", "eval(", "new Function", "@import", "data:image", "onclick"} {
			if strings.Contains(text, never) {
				t.Errorf("%s has %s in it", name, never)
			}
		}
		if f.Size(name) > 40_000 {
			t.Errorf("%s travels with %d bytes", name, f.Size(name))
		}
	}
}
