package task

import (
	"net/netip"
	"time"
)

// Stage is one step on the way to a server: its status is passed, failed or skipped.
type Stage struct {
	Name   string // dns, tcp, tls, auth, then version, privileges, binlog of a source, or metadata, listener of a target
	Of     string // the address, or the broker, where there are several
	Took   time.Duration
	Status string
	// Code and Params are what was found, for the texts "finding.<Code>.observed", ".cause" and ".fix"; the code
	// "error" stands for the error whose code is in Params["Code"].
	Code             string
	Params           map[string]string
	Text, Cause, Fix string // the same in English
	Err              *Error // of a failed stage that has one
}

// Reach is how far the way to a server came.
type Reach struct {
	Stages []Stage
	From   netip.Addr // our own address on the way; invalid where no connection came about
}

// Passed reports whether no stage failed.
func (r *Reach) Passed() bool {
	for _, s := range r.Stages {
		if s.Status == "failed" {
			return false
		}
	}
	return len(r.Stages) > 0
}
