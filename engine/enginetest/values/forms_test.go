package values

import (
	"strconv"

	"sluice/engine/enginetest/readers"
)

type form = readers.Form

var (
	number, bit, single, double = readers.Number, readers.Bit, readers.Single, readers.Double
	wall, clock, instant        = readers.Wall, readers.Clock, readers.Instant
	text, bytesAs, document     = readers.Text, readers.Bytes, readers.Document
	spatial, spatialMaria       = readers.Spatial, readers.SpatialMaria
	address                     = readers.Address
)

func part(v *readers.Value, names ...string) string { return readers.Part(v, names...) }

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
