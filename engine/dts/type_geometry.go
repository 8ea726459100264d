package dts

import (
	"encoding/binary"

	"sluice/engine/cdc"
)

// BinaryGeometry{type, value} holds WKB without the SRID that the server puts before it, because clients read it so. The
// SRID belongs to the value, not to the column: it goes into a tag of its image.
func (c *column) geometry() {
	c.head = appendString(appendLong(nil, branchGeometry), "geometry")
	c.write = writeGeometry
}

const sridSize = 4

func writeGeometry(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindBytes || len(v.Bytes) <= sridSize {
		return dst, errKind
	}
	return appendString(append(dst, c.head...), v.Bytes[sridSize:]), nil
}

// spatial is a column of geometries with the names of its tags.
type spatial struct {
	at            int // ordinal in the row
	before, after string
}

func (p *plan) addSpatial(at int, name string) {
	p.spatial = append(p.spatial, spatial{at, "before_srid." + name, "after_srid." + name})
}

// srids calls each for every SRID of the record's images but 0, which has no tag.
func (p *plan) srids(r *cdc.Record, each func(tag string, srid int64)) {
	for i := range p.spatial {
		s := &p.spatial[i]
		if srid := sridOf(r.Before, s.at); srid != 0 {
			each(s.before, srid)
		}
		if srid := sridOf(r.After, s.at); srid != 0 {
			each(s.after, srid)
		}
	}
}

func sridOf(row cdc.Row, at int) int64 {
	if at >= len(row) || row[at].Kind != cdc.KindBytes || len(row[at].Bytes) < sridSize {
		return 0
	}
	return int64(binary.LittleEndian.Uint32(row[at].Bytes))
}
