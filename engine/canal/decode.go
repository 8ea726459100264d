package canal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/engine/message"
)

// flat is a message as JSON has it.
type flat struct {
	Sluice struct {
		ID   string          `json:"id"`
		Op   string          `json:"op"`
		Pos  string          `json:"pos"`
		Dead json.RawMessage `json:"dead_letter"`
	} `json:"sluice"`
	Data      []object          `json:"data"`
	Old       []object          `json:"old"`
	Database  string            `json:"database"`
	Table     string            `json:"table"`
	Type      string            `json:"type"`
	ES        int64             `json:"es"`
	TS        int64             `json:"ts"`
	ID        int64             `json:"id"`
	IsDDL     bool              `json:"isDdl"`
	SQL       string            `json:"sql"`
	PKNames   []string          `json:"pkNames"`
	MySQLType map[string]string `json:"mysqlType"`
	SQLType   map[string]int32  `json:"sqlType"`
}

// object is a row with its columns in their order.
type object []member

type member struct {
	name string
	text *string // nil: null
}

func (o *object) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("a row is no object"), err)
	}
	*o = object{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member{name: name.(string)}
		if err := d.Decode(&m.text); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// Decode reads a message value for people. A message of another producer has no position and no tags.
func Decode(value []byte) (*message.Message, error) {
	var f flat
	if err := json.Unmarshal(value, &f); err != nil {
		return nil, fmt.Errorf("decoding a Canal message of %d bytes: %w", len(value), err)
	}
	if len(f.Data) > 1 || len(f.Old) > len(f.Data) {
		return nil, fmt.Errorf("decoding a Canal message: %d rows and %d old ones in one message are not of this program", len(f.Data), len(f.Old))
	}
	m := &message.Message{Operation: f.Sluice.Op, Object: dotted(f.Database), ID: f.ID, Time: f.ES / 1000, Position: f.Sluice.Pos,
		Tags: map[string]string{}, SQL: f.SQL, Born: f.TS}
	if f.Sluice.ID != "" {
		m.Tags["sluice"] = f.Sluice.ID
	}
	if len(f.Sluice.Dead) > 0 {
		m.Tags["dead_letter"] = string(f.Sluice.Dead)
	}
	if m.Operation == "" {
		m.Operation = f.Type
	}
	if f.Table != "" && !f.IsDDL {
		m.Object += "." + dotted(f.Table)
	}
	if len(f.PKNames) > 0 {
		key, err := json.Marshal(map[string][]string{"PRIMARY": f.PKNames})
		if err != nil {
			return nil, err
		}
		m.Tags["pk_uk_info"] = string(key)
	}
	if len(f.Data) == 0 {
		return m, nil
	}
	image := f.image(f.Data[0])
	for _, c := range f.Data[0] {
		m.Fields = append(m.Fields, message.Field{Name: c.name, Type: f.SQLType[c.name]})
	}
	switch f.Type {
	case "DELETE":
		m.Before = image
	case "UPDATE":
		m.After = image
		if m.Before = append(message.Image(nil), image...); len(f.Old) > 0 {
			for _, c := range f.image(f.Old[0]) {
				for i := range m.Before {
					if m.Before[i].Name == c.Name {
						m.Before[i] = c
					}
				}
			}
		}
	default:
		m.After = image
	}
	return m, nil
}

func dotted(name string) string { return strings.ReplaceAll(name, ".", `\u002E`) }

func (f *flat) image(row object) message.Image {
	out := make(message.Image, len(row))
	for i, m := range row {
		out[i].Name = m.name
		if m.text == nil {
			continue
		}
		out[i].Branch, out[i].Text = f.MySQLType[m.name], *m.text
		if out[i].Branch == "" {
			out[i].Branch = strconv.Itoa(int(f.SQLType[m.name]))
		}
		if f.SQLType[m.name] == sqlBlob {
			out[i].Text = hexOf(*m.text)
		}
	}
	return out
}

// hexOf prints bytes, each of which travels as the character of its number.
func hexOf(text string) string {
	out := []byte("0x")
	for _, r := range text {
		if r > 0xff {
			return text
		}
		out = fmt.Appendf(out, "%02x", r)
	}
	return string(out)
}
