package precheck

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// sourceChecks reach the server and look at what it is and what the account may do.
func sourceChecks() []check {
	return []check{
		{"source.connect", "source", Error, "name, port and sign-in work", nothing, connectSource},
		{"source.version", "source", Error, "MySQL 8.0 to 9.x, MariaDB 10.5 to 10.11", aSource, sourceVersion},
		{"source.privileges", "source", Error, "REPLICATION CLIENT, REPLICATION SLAVE, and SELECT and SHOW VIEW on every table", aSource, privileges},
	}
}

// connectSource tells at which stage the way to the server ends.
func connectSource(ctx context.Context, f *facts) finding {
	src := f.Spec.Source
	var stages []string
	stage := func(name string, do func() error) error {
		began := time.Now()
		if err := do(); err != nil {
			return err
		}
		stages = append(stages, fmt.Sprintf("%s %s", name, time.Since(began).Round(100*time.Microsecond)))
		return nil
	}
	addrs := []string{src.Host}
	err := stage("name", func() (err error) {
		addrs, err = net.DefaultResolver.LookupHost(ctx, src.Host)
		return hostUnknown(err)
	})
	if err == nil {
		// The port's own error is told better by OpenSource.
		_ = stage("port", func() error { return dial(ctx, addrs, src.Port) })
		err = stage("sign-in", func() (err error) { f.source, err = f.OpenSource(ctx); return err })
	}
	if err == nil {
		f.flavor, f.version, err = f.source.Server(ctx)
	}
	if err != nil {
		f.source = nil
		found := refused(err)
		if len(stages) > 0 {
			found.observed += " (passed: " + strings.Join(stages, ", ") + ")"
		}
		return found
	}
	return passed(strings.Join(stages, ", "))
}

func hostUnknown(err error) error {
	if err == nil {
		return nil
	}
	return &task.Error{Code: "source.host_unknown", Text: "the source's host name cannot be resolved", Hint: "Check the host name.", Err: err}
}

func dial(ctx context.Context, addrs []string, port int) error {
	d := net.Dialer{Timeout: 10 * time.Second}
	var err error
	for _, a := range addrs {
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(a, strconv.Itoa(port))); err == nil {
			return c.Close()
		}
	}
	return err
}

// sourceVersion knows which versions the tests run against.
func sourceVersion(_ context.Context, f *facts) finding {
	major, rest, _ := strings.Cut(f.version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	supported, tested := a == 8 || a == 9, a == 8 && b == 0
	name, versions := "MySQL", "8.0"
	if f.flavor == cdc.MariaDB {
		supported, tested = a == 10 && b >= 5 && b <= 11, a == 10 && b == 11
		name, versions = "MariaDB", "10.11"
	}
	found := passed(name + " " + f.version)
	switch {
	case !supported:
		found.failed, found.cause, found.fix = true, "this version is not supported", "Use a server of a supported version."
	case !tested:
		found.failed, found.severity = true, Warning
		found.cause, found.fix = "this version is near one that the tests run against, but is not one", "Try it with data that may be lost first. Tested is "+name+" "+versions+"."
	}
	return found
}
