package handlers

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sluice/engine/progress"
	"sluice/views"
)

// buckets is how many points a chart has at most: what travels each second must stay small.
const buckets = 120

// tableRows is how many lines the chart's table has.
const tableRows = 30

// charts draws rows a second and the delay of the last minutes.
func charts(p *views.Page, history []progress.Point) []views.Chart {
	points := thin(history)
	rate := series{unit: func(v float64) string { return p.Number(int64(v)) }}
	delay := series{unit: func(v float64) string { return p.Duration(time.Duration(v * float64(time.Second))) }}
	for _, pt := range points {
		rate.add(pt.At, pt.PerSecond, true)
		delay.add(pt.At, pt.Delay.Seconds(), pt.Known)
	}
	return []views.Chart{rate.chart(p, "rate", "chart.rate", "busy"), delay.chart(p, "delay", "chart.delay", "warn")}
}

// thin keeps at most buckets points: of each bucket the newest, with the greatest delay and the mean rate in it.
func thin(history []progress.Point) []progress.Point {
	if len(history) <= buckets {
		return history
	}
	out := make([]progress.Point, 0, buckets)
	for i := range buckets {
		part := history[i*len(history)/buckets : (i+1)*len(history)/buckets]
		pt := part[len(part)-1]
		sum := 0.0
		for _, o := range part {
			sum += o.PerSecond
			pt.Delay, pt.Known = max(pt.Delay, o.Delay), pt.Known && o.Known
		}
		pt.PerSecond = sum / float64(len(part))
		out = append(out, pt)
	}
	return out
}

// series is one line; what is not known is a gap.
type series struct {
	at    []time.Time
	value []float64
	known []bool
	unit  func(float64) string
}

func (s *series) add(at time.Time, v float64, known bool) {
	s.at, s.value, s.known = append(s.at, at), append(s.value, v), append(s.known, known)
}

func (s *series) chart(p *views.Page, id, title, tone string) views.Chart {
	c := views.Chart{ID: id, Title: p.T(title), Tone: tone, Head: [2]string{p.T("chart.time"), p.T(title)}}
	top, last := 0.0, "–"
	for i, v := range s.value {
		if s.known[i] {
			top, last = max(top, v), s.unit(v)
		}
	}
	c.Summary = p.T("chart.summary", "Title", c.Title, "Last", last, "Top", s.unit(top))
	if len(s.at) < 2 {
		c.Summary = p.T("chart.empty", "Title", c.Title)
		return c
	}
	top = nice(top)
	c.Scale = []string{s.unit(top), s.unit(top / 2), s.unit(0)}
	if c.Scale[1] == c.Scale[2] {
		c.Scale = slices.Delete(c.Scale, 1, 2)
	}
	c.From, c.To = s.at[0].Format("15:04:05"), s.at[len(s.at)-1].Format("15:04:05")
	c.Line, c.Area = s.paths(top)
	for i := len(s.at) - 1; i >= 0 && len(c.Rows) < tableRows; i-- {
		text := p.T("delay.unknown")
		if s.known[i] {
			text = s.unit(s.value[i])
		}
		c.Rows = append(c.Rows, [2]string{s.at[i].Format("15:04:05"), text})
	}
	return c
}

// nice is the next round number at or above v.
func nice(v float64) float64 {
	if v <= 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if v <= f*unit {
			return f * unit
		}
	}
	return 10 * unit
}

func (s *series) paths(top float64) (line, area string) {
	var l, a strings.Builder
	from, span := s.at[0], s.at[len(s.at)-1].Sub(s.at[0]).Seconds()
	open := false
	var x float64
	for i, v := range s.value {
		if !s.known[i] {
			if open {
				fmt.Fprintf(&a, "V%dZ", views.ChartHeight)
			}
			open = false
			continue
		}
		x = s.at[i].Sub(from).Seconds() / span * views.ChartWidth
		y := views.ChartHeight - 2 - v/top*(views.ChartHeight-6)
		if open {
			fmt.Fprintf(&l, "L%.0f %.1f", x, y)
			fmt.Fprintf(&a, "L%.0f %.1f", x, y)
		} else {
			fmt.Fprintf(&l, "M%.0f %.1f", x, y)
			fmt.Fprintf(&a, "M%.0f %dV%.1f", x, views.ChartHeight, y)
		}
		open = true
	}
	if open {
		fmt.Fprintf(&a, "V%dZ", views.ChartHeight)
	}
	return l.String(), a.String()
}
