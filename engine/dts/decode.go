package dts

import (
	"fmt"
	"sync"

	"github.com/linkedin/goavro/v2"

	"sluice/engine/message"
)

// avro builds goavro's codec once. The limits keep foreign bytes from asking for memory that they do not fill.
var avro = sync.OnceValues(func() (*goavro.Codec, error) {
	goavro.MaxBlockCount, goavro.MaxBlockSize = 1<<16, 1<<30
	return goavro.NewCodec(schema)
})

// Decode reads a message value for people. Bytes after the record are an error.
func Decode(value []byte) (*message.Message, error) {
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

func readMessage(native map[string]any) (*message.Message, error) {
	m := &message.Message{
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
		m.Fields = append(m.Fields, message.Field{Name: f["name"].(string), Type: f["dataTypeNumber"].(int32)})
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
func readImage(native any, fields []message.Field) (message.Image, string, error) {
	_, v := branch(native)
	if text, ok := v.(string); ok {
		return nil, text, nil
	}
	values := list(v)
	if len(values) > len(fields) {
		return nil, "", fmt.Errorf("%d values for %d fields", len(values), len(fields))
	}
	var image message.Image
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
