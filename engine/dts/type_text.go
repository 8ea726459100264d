package dts

import (
	"unicode/utf8"

	"sluice/engine/cdc"
	"sluice/engine/charset"
)

// Character{charset, value}: CHAR and VARCHAR in their own charset where clients read it right, else in utf8mb4.
func (c *column) character() error {
	name := c.def.Charset
	if !travelsRaw(name) {
		if c.charset = charset.Of(name); c.charset == nil {
			return c.unknownCharset()
		}
		name = "utf8mb4"
	}
	if name == "utf8mb3" {
		name = "utf8" // its other name: the official reader (2.0.0) does not know utf8mb3 and gives hex
	}
	c.head = appendString(appendLong(nil, branchCharacter), name)
	c.write = writeText
	return nil
}

// binary strings are Character in the charset "binary", because clients cast 253 and 254 to it.
func (c *column) binary() {
	c.head = appendString(appendLong(nil, branchCharacter), "binary")
	c.write = writeBytes
}

// text is BinaryObject{type, value} of the type "text". It names no charset and is read as UTF-8, so it has to be.
func (c *column) text() error {
	if !charset.IsUTF8(c.def.Charset) {
		if c.charset = charset.Of(c.def.Charset); c.charset == nil {
			return c.unknownCharset()
		}
	}
	c.head = appendString(appendLong(nil, branchBinaryObject), "text")
	c.write = writeText
	return nil
}

// address is MariaDB's UUID, INET4 and INET6, as text: Character, as of a CHAR.
func (c *column) address() {
	c.head = appendString(appendLong(nil, branchCharacter), "utf8mb4")
	c.write = writeAddress
}

func writeAddress(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindBytes || len(v.Bytes) != c.def.Type.FixedSize() {
		return dst, errKind
	}
	dst = append(dst, c.head...)
	at := len(dst)
	return shortLength(cdc.AppendBytes(append(dst, 0), c.def.Type, v.Bytes), at), nil
}

func (c *column) blob() {
	c.head = appendString(appendLong(nil, branchBinaryObject), "blob")
	c.write = writeBytes
}

// textObject is TextObject{type, value}: a label, labels joined by commas, or JSON text.
func (c *column) textObject() {
	kinds := map[cdc.Type]string{cdc.Enum: "enum", cdc.Set: "set", cdc.JSON: "json"}
	c.head = appendString(appendLong(nil, branchTextObject), kinds[c.def.Type])
	c.write = writeTextObject
}

func writeText(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindText {
		return dst, errKind
	}
	dst = append(dst, c.head...)
	if c.charset == nil {
		return appendString(dst, v.Bytes), nil
	}
	at := len(dst)
	dst, ok := c.charset.AppendUTF8(dst, v.Bytes)
	if !ok {
		return dst, errCharset
	}
	return prefixLength(dst, at), nil
}

func writeBytes(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindBytes {
		return dst, errKind
	}
	return appendString(append(dst, c.head...), v.Bytes), nil
}

// writeTextObject wants UTF-8: an Avro string is nothing else.
func writeTextObject(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	want := cdc.KindJSON
	switch c.def.Type {
	case cdc.Enum:
		want = cdc.KindEnum
	case cdc.Set:
		want = cdc.KindSet
	}
	if v.Kind != want {
		return dst, errKind
	}
	if !utf8.Valid(v.Bytes) {
		return dst, errCharset
	}
	return appendString(append(dst, c.head...), v.Bytes), nil
}

// travelsRaw says which charsets clients read right under MySQL's name. latin1 is not among them: they take it for
// ISO-8859-1, and MySQL's is cp1252.
func travelsRaw(name string) bool {
	switch name {
	case "gbk", "gb18030", "ascii", "ucs2", "utf16", "utf32", "binary":
		return true
	}
	return charset.IsUTF8(name)
}
