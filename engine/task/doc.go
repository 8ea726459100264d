// Package task holds what a person asked for (Spec) and what they must act on (Error). It does no I/O of its own but
// for reading a task file.
package task
