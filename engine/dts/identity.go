package dts

import "sluice/engine/cdc"

const (
	identityTag  = "sluice"
	sourceTypes  = 13
	operations   = 17
	stringBranch = 1
	arrayBranch  = 2
)

// Identity finds the identity tag of a message value. It reads only what stands before the tags, and takes any bytes:
// ok is false if they are not a record of this format or have no identity. The position is the record's sourcePosition.
func (c *Codec) Identity(value []byte) (id string, at cdc.Position, ok bool) { return Identity(value) }

// Identity is Codec.Identity, which needs no options.
func Identity(value []byte) (id string, at cdc.Position, ok bool) {
	c := cursor{rest: value}
	c.long() // version
	c.long() // id
	c.long() // sourceTimestamp
	position := c.bytes()
	c.bytes()            // safeSourcePosition
	c.bytes()            // sourceTxid
	c.below(sourceTypes) // source
	c.bytes()
	c.below(operations)
	if c.below(2) == stringBranch { // objectName
		c.bytes()
	}
	if c.below(2) == 1 { // processTimestamps
		for n := c.block(); n > 0; n = c.block() {
			for ; n > 0 && !c.failed; n-- {
				c.long()
			}
		}
	}
	for n := c.block(); n > 0; n = c.block() {
		for ; n > 0 && !c.failed; n-- {
			name, text := c.bytes(), c.bytes()
			if !c.failed && string(name) == identityTag {
				at, err := cdc.ParsePosition(string(position))
				if err != nil || len(text) == 0 {
					return "", cdc.Position{}, false
				}
				return string(text), at, true
			}
		}
	}
	return "", at, false
}
