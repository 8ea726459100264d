package dts

import (
	"fmt"
	"sync"

	"github.com/linkedin/goavro/v2"
)

// Message is one message value in readable form. It marshals to JSON that keeps the order of columns.
type Message struct {
	Operation    string            `json:"operation"`
	Object       string            `json:"object,omitempty"` // as in the record: a dot inside a name is \u002E
	ID           int64             `json:"id"`
	Time         int64             `json:"time"` // seconds since 1970
	Position     string            `json:"position"`
	SafePosition string            `json:"safe_position,omitempty"`
	TxID         string            `json:"txid,omitempty"`
	Source       string            `json:"source"` // "MySQL 8.0.33"
	Processed    []int64           `json:"processed,omitempty"`
	Tags         map[string]string `json:"tags"`
	Fields       []Field           `json:"fields,omitempty"`
	Before       Image             `json:"before,omitempty"`
	After        Image             `json:"after,omitempty"`
	SQL          string            `json:"sql,omitempty"` // of a DDL
	Born         int64             `json:"born"`          // milliseconds since 1970
	Version      int32             `json:"version"`
}

// Field is a column as the record names it.
type Field struct {
	Name string `json:"name"`
	Type int32  `json:"type"` // dataTypeNumber
}

// avro builds goavro's codec once. The limits keep foreign bytes from asking for memory that they do not fill.
var avro = sync.OnceValues(func() (*goavro.Codec, error) {
	goavro.MaxBlockCount, goavro.MaxBlockSize = 1<<16, 1<<30
	return goavro.NewCodec(schema)
})

// Decode reads a message value for people. Bytes after the record are an error.
func Decode(value []byte) (*Message, error) {
	native, err := decodeNative(value)
	if err != nil {
		return nil, fmt.Errorf("decoding a DTS message of %d bytes: %w", len(value), err)
	}
	m, err := readMessage(native)
	if err != nil {
		return nil, fmt.Errorf("decoding a DTS message: %w", err)
	}
	return m, nil
}

func decodeNative(value []byte) (map[string]any, error) {
	codec, err := avro()
	if err != nil {
		return nil, err
	}
	native, rest, err := codec.NativeFromBinary(value)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes are left over", len(rest))
	}
	return native.(map[string]any), nil
}

func readMessage(native map[string]any) (*Message, error) {
	m := &Message{
		Operation:    native["operation"].(string),
		ID:           native["id"].(int64),
		Time:         native["sourceTimestamp"].(int64),
		Position:     native["sourcePosition"].(string),
		SafePosition: native["safeSourcePosition"].(string),
		TxID:         native["sourceTxid"].(string),
		Tags:         map[string]string{},
		Born:         native["bornTimestamp"].(int64),
		Version:      native["version"].(int32),
	}
	source := native["source"].(map[string]any)
	m.Source = source["sourceType"].(string) + " " + source["version"].(string)
	_, object := branch(native["objectName"])
	m.Object, _ = object.(string)
	_, processed := branch(native["processTimestamps"])
	for _, t := range list(processed) {
		m.Processed = append(m.Processed, t.(int64))
	}
	for k, v := range native["tags"].(map[string]any) {
		m.Tags[k] = v.(string)
	}
	_, fields := branch(native["fields"])
	for _, f := range list(fields) {
		f := f.(map[string]any)
		m.Fields = append(m.Fields, Field{Name: f["name"].(string), Type: f["dataTypeNumber"].(int32)})
	}
	var err error
	if m.Before, _, err = readImage(native["beforeImages"], m.Fields); err != nil {
		return nil, fmt.Errorf("beforeImages: %w", err)
	}
	if m.After, m.SQL, err = readImage(native["afterImages"], m.Fields); err != nil {
		return nil, fmt.Errorf("afterImages: %w", err)
	}
	return m, nil
}

// readImage gives the cells of an image, or the text that stands in its place.
func readImage(native any, fields []Field) (Image, string, error) {
	_, v := branch(native)
	if text, ok := v.(string); ok {
		return nil, text, nil
	}
	values := list(v)
	if len(values) > len(fields) {
		return nil, "", fmt.Errorf("%d values for %d fields", len(values), len(fields))
	}
	var image Image
	for i, v := range values {
		image = append(image, readCell(fields[i].Name, v))
	}
	return image, "", nil
}

// branch opens goavro's form of a union value: nil, or a map from the branch's name to the value.
func branch(native any) (string, any) {
	m, _ := native.(map[string]any)
	for name, v := range m {
		return name, v
	}
	return "", nil
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
