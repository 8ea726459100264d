// Package message is what the messages of all formats are for people.
package message

import "encoding/json"

// Message is one message value in readable form. It marshals to JSON that keeps the order of columns.
type Message struct {
	Operation    string            `json:"operation"`
	Object       string            `json:"object,omitempty"` // database.table, a dot inside a name is \u002E; of a DDL the database
	ID           int64             `json:"id"`
	Time         int64             `json:"time"` // seconds since 1970
	Position     string            `json:"position"`
	SafePosition string            `json:"safe_position,omitempty"`
	TxID         string            `json:"txid,omitempty"`
	Source       string            `json:"source,omitempty"` // "MySQL 8.0.33"
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
	Type int32  `json:"type"` // dataTypeNumber or sqlType
}

// Cell is one value of an image in readable form.
type Cell struct {
	Name   string
	Branch string // of the schema's union, without the namespace: "Integer"; in JSON the column's type: "int unsigned"; empty for NULL
	Label  string // the charset of a Character, the type of an object or a geometry
	Text   string // as the server prints it; bytes that are no text as 0x and hex
}

// Null reports whether the value is NULL.
func (c Cell) Null() bool { return c.Branch == "" }

// Image is the cells of a row in the order of the fields.
type Image []Cell

// MarshalJSON writes an object in the order of the columns: every value is a string, or null.
func (m Image) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, c := range m {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(c.Name)
		if err != nil {
			return nil, err
		}
		b = append(append(b, name...), ':')
		if c.Null() {
			b = append(b, "null"...)
			continue
		}
		text, err := json.Marshal(c.Text)
		if err != nil {
			return nil, err
		}
		b = append(b, text...)
	}
	return append(b, '}'), nil
}
