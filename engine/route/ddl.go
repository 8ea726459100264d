package route

import (
	"cmp"

	"sluice/engine/cdc"
)

// SendsDDL reports whether DDL records of the table are part of the task.
func (p *Plan) SendsDDL(id cdc.TableID) bool {
	e := p.entry(id)
	return e != nil && !e.spec.NoDDL
}

// Database gives the mapped name of the table's database, which is what a DDL record names.
func (p *Plan) Database(id cdc.TableID) string {
	e := p.entry(id)
	if e == nil {
		return escapeDots(id.Schema)
	}
	if e.spec.ToSchema != "" {
		return escapeDots(e.spec.ToSchema)
	}
	return escapeDots(e.spec.Schema)
}

// Name gives the mapped name of the table without its database.
func (p *Plan) Name(id cdc.TableID) string {
	if e := p.entry(id); e != nil {
		return cmp.Or(e.spec.ToName, id.Name)
	}
	return id.Name
}
