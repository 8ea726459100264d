package task

import (
	"errors"
	"strings"
)

// Error is what a person must act on: a stable code, what the engine was doing, what was found and what to do.
type Error struct {
	Code string // "source.access_denied": stable, the key of the texts in both languages
	Op   string // what was being done: "reading chunk 3 of shop.orders"
	Text string // one sentence in English
	Hint string // what to do about it, in English
	Err  error  // the cause, may be nil
	// Retry says that the cause may pass by itself (a lost connection), so that the task tries again.
	Retry bool
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.Text)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	b.WriteString(" [" + e.Code + "]")
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Code gives the code of the first Error in the chain, or "internal".
func Code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return "internal"
}

// Retryable reports whether the first Error in the chain may pass by itself.
func Retryable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Retry
}
