package dts

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/engine/charset"
	"sluice/engine/message"
)

func readCell(name string, native any) message.Cell {
	full, v := branch(native)
	c := message.Cell{Name: name, Branch: full[strings.LastIndexByte(full, '.')+1:]}
	if symbol, ok := v.(string); ok { // EmptyObject
		c.Text = symbol
		return c
	}
	f, _ := v.(map[string]any)
	switch c.Branch {
	case "Integer", "Decimal":
		c.Text = f["value"].(string)
	case "Float":
		c.Text = strconv.FormatFloat(f["value"].(float64), 'g', -1, 64)
	case "Character":
		c.Label = f["charset"].(string)
		c.Text = readable(c.Label, f["value"].([]byte))
	case "Timestamp":
		c.Text = timestampText(f["timestamp"].(int64), f["millis"].(int32))
	case "DateTime":
		c.Text = dateTimeText(f)
	case "TimestampWithTimeZone":
		c.Text = dateTimeText(f["value"].(map[string]any)) + " " + f["timezone"].(string)
	case "BinaryObject", "BinaryGeometry":
		c.Label = f["type"].(string)
		in := "binary"
		if strings.EqualFold(c.Label, "text") {
			in = "utf8mb4"
		}
		c.Text = readable(in, f["value"].([]byte))
	case "TextObject", "TextGeometry":
		c.Label, c.Text = f["type"].(string), f["value"].(string)
	}
	return c
}

// readable gives the characters, or 0x and hex where there is no way to know them.
func readable(name string, b []byte) string {
	if charset.IsUTF8(name) {
		if utf8.Valid(b) {
			return string(b)
		}
	} else if cs := charset.Of(name); cs != nil {
		if text, ok := cs.AppendUTF8(nil, b); ok {
			return string(text)
		}
	}
	return fmt.Sprintf("0x%x", b)
}

func timestampText(seconds int64, micros int32) string {
	if seconds == 0 && micros == 0 {
		return "0000-00-00 00:00:00"
	}
	return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04:05") + fraction(int(micros))
}

// dateTimeText prints the parts that are there, as the server prints a date, a time, both or a year.
func dateTimeText(f map[string]any) string {
	date, hasDate := parts(f, "year", "month", "day")
	clock, hasClock := parts(f, "hour", "minute", "second", "millis")
	sign := ""
	for i, n := range clock {
		if n < 0 {
			sign, clock[i] = "-", -n
		}
	}
	day := fmt.Sprintf("%04d-%02d-%02d", date[0], date[1], date[2])
	hour := fmt.Sprintf("%s%02d:%02d:%02d%s", sign, clock[0], clock[1], clock[2], fraction(clock[3]))
	switch {
	case hasDate == 1 && hasClock == 0:
		return fmt.Sprintf("%04d", date[0])
	case hasClock == 0:
		return day
	case hasDate == 0:
		return hour
	}
	return day + " " + hour
}

func parts(f map[string]any, names ...string) (out [4]int, present int) {
	for i, name := range names {
		if _, v := branch(f[name]); v != nil {
			out[i] = int(v.(int32))
			present++
		}
	}
	return out, present
}

func fraction(micros int) string {
	if micros == 0 {
		return ""
	}
	return fmt.Sprintf(".%06d", micros)
}
