package i18n

import (
	"strconv"
	"time"
)

// Number writes a whole number with its thousands apart.
func (l *Locale) Number(n int64) string {
	text := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(text) - 3; i > first; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Time writes a moment, as it is read in both languages.
func (l *Locale) Time(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Format("2006-01-02 15:04:05")
}

// Duration writes a length of time in its two largest units, or in tenths of a second below ten seconds.
func (l *Locale) Duration(d time.Duration) string {
	switch {
	case d < 0:
		d = 0
	case d >= 24*time.Hour:
		return l.T("time.days_hours", "D", int(d.Hours())/24, "H", int(d.Hours())%24)
	case d >= time.Hour:
		return l.T("time.hours_minutes", "H", int(d.Hours()), "M", int(d.Minutes())%60)
	case d >= time.Minute:
		return l.T("time.minutes_seconds", "M", int(d.Minutes()), "S", int(d.Seconds())%60)
	case d >= 10*time.Second:
		return l.T("time.seconds", "S", int(d.Seconds()))
	}
	return l.T("time.seconds", "S", strconv.FormatFloat(d.Seconds(), 'f', 1, 64))
}

// Bytes writes an amount of bytes.
func (l *Locale) Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
}
