package handlers

import "time"

// Pages tell times in the zone of the machine; the goldens are of one zone.
func init() { time.Local = time.UTC }
