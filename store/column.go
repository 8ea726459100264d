package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"sluice/engine/cdc"
)

// position is a column that holds a position as text.
type position cdc.Position

func (p position) Value() (driver.Value, error) { return cdc.Position(p).String(), nil }

func (p *position) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("a position is text, not %T", src)
	}
	got, err := cdc.ParsePosition(text)
	*p = position(got)
	return err
}

// document is a column that holds a value as JSON, or NULL for a nil pointer.
type document[T any] struct{ of T }

func (d document[T]) Value() (driver.Value, error) {
	text, err := json.Marshal(d.of)
	if err != nil || string(text) == "null" {
		return nil, err
	}
	return string(text), nil
}

func (d *document[T]) Scan(src any) error {
	var zero T
	d.of = zero
	switch v := src.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), &d.of)
	}
	return fmt.Errorf("JSON is text, not %T", src)
}
