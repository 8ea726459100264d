package engine

import (
	"context"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/task"
)

// since finds out from where on the definitions hold that were read at the start of a task whose log begins earlier. A table with a statement in between is not known up to the last one, but for what statements tell
// by themselves, from a CREATE TABLE on, and table maps with full metadata.
func since(ctx context.Context, d *Deps, s *Saved, history *schema.History, read map[cdc.TableID]cdc.Position) error {
	set, err := cdc.ParseGTIDSet(s.Server.Flavor, s.Start)
	if err != nil {
		return err
	}
	var end cdc.Position
	for _, at := range read {
		end = later(end, at)
	}
	stream, err := d.Source.Stream(ctx, set)
	if err != nil {
		return err
	}
	defer stream.Close()
	first, last := map[cdc.TableID]string{}, map[cdc.TableID]cdc.Position{}
	for at := (cdc.Position{}); at.Before(end); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case batch, ok := <-stream.Batches():
			if !ok {
				return streamEnd(stream)
			}
			for i := range batch {
				ev := &batch[i]
				if ev.Kind == cdc.EventDDL {
					for id, upto := range read {
						if upto.Before(ev.End) || !touchesFolded(s.Server, ev, id) {
							continue
						}
						if last[id] = ev.End; first[id] == "" {
							first[id] = ev.SQL
						}
					}
				}
				at = later(at, ev.End)
			}
		}
	}
	for id, at := range last {
		history.Later(id, at, first[id])
	}
	return nil
}

// touchesFolded is touches for a server that may keep names in lower case.
func touchesFolded(s Server, ev *cdc.Event, id cdc.TableID) bool {
	if !s.LowerNames {
		return touches(s.Flavor, ev, id)
	}
	folded := *ev
	folded.Schema, folded.SQL, folded.Plain = strings.ToLower(ev.Schema), strings.ToLower(ev.Statement()), ""
	return touches(s.Flavor, &folded, id)
}

func streamEnd(stream Stream) error {
	if err := stream.Err(); err != nil {
		return err
	}
	return &task.Error{Code: "source.connection_lost", Op: "reading the binlog", Retry: true, Text: "the stream ended",
		Hint: "The task connects again by itself."}
}
