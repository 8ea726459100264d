package oracle

import (
	_ "embed"
	"fmt"
	"slices"

	"github.com/linkedin/goavro/v2"
)

//go:embed record.avsc
var recordSchema string

// generic decodes values with goavro and the published schema: slow, and a second opinion on reader.
type generic struct{ codec *goavro.Codec }

func newGeneric() (*generic, error) {
	codec, err := goavro.NewCodec(recordSchema)
	return &generic{codec}, err
}

// compare fails if goavro reads something else in the value than m holds.
func (g *generic) compare(value []byte, m *message) error {
	native, rest, err := g.codec.NativeFromBinary(value)
	if err != nil {
		return fmt.Errorf("goavro: %w", err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("goavro leaves %d bytes", len(rest))
	}
	r := native.(map[string]any)
	var fields []field
	for _, f := range items(r["fields"]) {
		f := f.(map[string]any)
		fields = append(fields, field{f["name"].(string), int64(f["dataTypeNumber"].(int32))})
	}
	if !slices.Equal(fields, m.fields) {
		return fmt.Errorf("goavro reads other fields: %v, by hand %v", fields, m.fields)
	}
	for name, row := range map[string][]cell{"beforeImages": m.before, "afterImages": m.after} {
		values := items(r[name])
		if len(values) != len(row) {
			return fmt.Errorf("goavro reads %d values of %s, by hand %d", len(values), name, len(row))
		}
		for i, v := range values {
			c, err := nativeCell(v, fields[i])
			if err != nil {
				return fmt.Errorf("goavro: %s of %s: %w", fields[i].name, name, err)
			}
			if c.null() != row[i].null() || string(c) != string(row[i]) {
				return fmt.Errorf("goavro reads %q in %s of %s, by hand %q", c, fields[i].name, name, row[i])
			}
		}
	}
	for name, text := range map[string][]byte{"sluice": m.identity, "pk_uk_info": m.keyInfo} {
		if tag, _ := r["tags"].(map[string]any)[name].(string); tag != string(text) {
			return fmt.Errorf("goavro reads tag %s %q, by hand %q", name, tag, text)
		}
	}
	if op := r["operation"].(string); m.otherOp < 0 && op != m.op.String() {
		return fmt.Errorf("goavro reads %s, by hand %s", op, m.op)
	}
	return nil
}

func items(union any) []any {
	u, _ := union.(map[string]any)
	list, _ := u["array"].([]any)
	return list
}

const space = "com.alibaba.dts.formats.avro."

func nativeCell(v any, f field) (cell, error) {
	if v == nil {
		return nil, nil
	}
	for branch, v := range v.(map[string]any) {
		o, _ := v.(map[string]any)
		switch branch {
		case space + "Integer", space + "Decimal":
			return cell(o["value"].(string)), nil
		case space + "Character":
			return textCell(o["value"].([]byte), o["charset"].(string))
		case space + "Float":
			return doubleCell(o["value"].(float64), f.number), nil
		case space + "Timestamp":
			return secondsCell(o["timestamp"].(int64), int64(o["millis"].(int32))), nil
		case space + "DateTime":
			return nativeDateTime(o)
		case space + "BinaryObject":
			return o["value"].([]byte), nil
		case space + "TextObject":
			if o["type"] == "json" {
				return jsonCell([]byte(o["value"].(string)))
			}
			return cell(o["value"].(string)), nil
		default:
			return nil, fmt.Errorf("branch %s", branch)
		}
	}
	return nil, fmt.Errorf("empty union")
}

func nativeDateTime(o map[string]any) (cell, error) {
	var parts [7]*int64
	for i, name := range []string{"year", "month", "day", "hour", "minute", "second", "millis"} {
		if u, ok := o[name].(map[string]any); ok {
			n := int64(u["int"].(int32))
			parts[i] = &n
		}
	}
	return dateTimeCell(parts)
}
