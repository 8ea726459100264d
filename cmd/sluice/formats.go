package main

import (
	"sluice/engine"
	"sluice/engine/canal"
	"sluice/engine/cdc"
	"sluice/engine/dts"
	"sluice/engine/message"
	"sluice/engine/task"
)

// format is how a task's messages are written.
type format struct {
	codec    func(serverVersion string) engine.Codec
	supports func(*cdc.Column) error // why a column can't be carried
}

func formatOf(f task.Format) format {
	if f == task.CanalJSON {
		return format{func(string) engine.Codec { return canal.New() }, canal.Supports}
	}
	return format{func(version string) engine.Codec { return dts.New(dts.Options{ServerVersion: version}) }, dts.Supports}
}

// decodeMessage reads a message value of either format.
func decodeMessage(value []byte) (*message.Message, error) {
	if canal.Is(value) {
		return canal.Decode(value)
	}
	return dts.Decode(value)
}

func identityOf(value []byte) string {
	id, _, ok := canal.Identity(value)
	if !ok {
		id, _, _ = dts.Identity(value)
	}
	return id
}
