package handlers

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // a server need not have the zones installed

	"sluice/views"
	"sluice/views/i18n"
)

// zones that the start of a task may be given in, from west to east.
var zones = []string{
	"America/Los_Angeles", "America/Chicago", "America/New_York", "America/Sao_Paulo", "UTC", "Europe/London", "Europe/Berlin",
	"Africa/Johannesburg", "Europe/Moscow", "Asia/Dubai", "Asia/Kolkata", "Asia/Jakarta", "Asia/Shanghai", "Asia/Singapore",
	"Asia/Tokyo", "Asia/Seoul", "Australia/Sydney", "Pacific/Auckland",
}

// zoneOptions are the zones with how far they are from UTC now.
func zoneOptions(now time.Time) []views.Option {
	var out []views.Option
	for _, name := range zones {
		at, err := time.LoadLocation(name)
		if err != nil {
			continue
		}
		_, seconds := now.In(at).Zone()
		sign := '+'
		if seconds < 0 {
			sign, seconds = '-', -seconds
		}
		out = append(out, views.Option{Value: name, Text: fmt.Sprintf("%s (UTC%c%02d:%02d)", name, sign, seconds/3600, seconds/60%60)})
	}
	return out
}

// usualZone is the zone that a reader most likely means: the server's own where that is one of the zones, else that of
// the language.
func usualZone(p *views.Page) string {
	if own := p.Now.Location().String(); own != "UTC" && slices.Contains(zones, own) {
		return own
	}
	if p.Tag() == i18n.Chinese {
		return "Asia/Shanghai"
	}
	return "UTC"
}
