package views

import "strings"

// fence stands on a line of its own before and after what is to be copied.
const fence = "```"

// FixPart is a piece of what to do: to read, or to copy.
type FixPart struct {
	Text string
	Code bool
}

// FixParts takes a text of what to do apart.
func FixParts(text string) []FixPart {
	var out []FixPart
	for n, part := range strings.Split(text, fence) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, FixPart{Text: part, Code: n%2 == 1})
		}
	}
	return out
}
