package precheck

import (
	"cmp"
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// sourceChecks reach the server and look at what it is and what the account may do.
func sourceChecks() []check {
	return []check{
		{id: "source.connect", group: "source", run: connectSource},
		{id: "source.version", group: "source", needs: aSource, run: sourceVersion},
		{id: "source.privileges", group: "source", needs: aSource, run: privileges},
		{id: "source.primary", group: "source", needs: aSource, run: primary},
		{id: "source.time_zone", group: "source", needs: aSource, run: session},
	}
}

func connectSource(ctx context.Context, f *facts) finding {
	w, _ := f.reachSource(ctx)
	return w.finding()
}

// reachSource opens the source, stage by stage.
func (f *facts) reachSource(ctx context.Context) (*way, *Trace) {
	src := f.Spec.Source
	w, t := new(way), new(Trace)
	w.resolve(ctx, "source", src.Host)
	if w.broken {
		w.opening(time.Now(), t, false, nil, nil)
		return w, t
	}
	began := time.Now()
	source, err := f.OpenSource(ctx, t)
	if err == nil {
		f.flavor, f.version, err = source.Server(ctx)
	}
	if err == nil {
		err = f.foldNames(ctx, source)
	}
	if err == nil {
		f.source = source
	}
	w.opening(began, t, encrypted(src.TLS), err, func(err error) finding { return denied(err, src.User) })
	return w, t
}

// foldNames names the tables as the server does that keeps all names in lower case.
func (f *facts) foldNames(ctx context.Context, source Source) error {
	const name = "lower_case_table_names"
	vars, err := source.Variables(ctx, name)
	if err == nil && vars[name] != "" && vars[name] != "0" {
		d := *f.Deps
		d.Spec = d.Spec.LowerNames()
		f.Deps = &d
	}
	return err
}

func encrypted(t task.TLS) bool { return t.Mode != "" && t.Mode != "off" }

// deniedTo finds the account and the address as the server saw them.
var deniedTo = regexp.MustCompile(`(user '[^']*'@|Host )'([^']+)'`)

// denied tells more than the error where the server says whom it did not let in.
func denied(err error, user string) finding {
	found := refused(err)
	m := deniedTo.FindStringSubmatch(found.params["Detail"])
	if m == nil {
		return found
	}
	told := failed("", "User", user, "Address", m[2])
	told.err = found.err
	switch found.err.Code {
	case "source.host_not_allowed":
		told.code = "connect.host_not_allowed"
	case "source.access_denied":
		told.code = "connect.access_denied"
	default:
		return found
	}
	return told
}

// sourceVersion knows which versions the tests run against.
func sourceVersion(_ context.Context, f *facts) finding {
	major, rest, _ := strings.Cut(f.version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	supported, tested := a == 8 || a == 9, a == 8 && b == 0 || a == 9 && b == 7
	name, versions := "MySQL", "8.0, 9.7"
	if f.flavor == cdc.MariaDB {
		supported, tested = a == 10 && b >= 5 || a == 11, a == 10 && b == 11 || a == 11 && (b == 4 || b == 8)
		name, versions = "MariaDB", "10.11, 11.4, 11.8"
	}
	params := []string{"Server", name, "Version", f.version, "Tested", versions}
	switch {
	case !supported:
		return failed("version.unsupported", params...)
	case !tested:
		return failed("version.untested", params...).as(Warning)
	}
	return passed("version.ok", params...)
}

// privileges tells what is missing, with a statement for each object that gives it.
func privileges(ctx context.Context, f *facts) finding {
	account, lacks, err := f.source.Privileges(ctx, append(f.ids(), f.newIn()...))
	if err != nil {
		return refused(err)
	}
	if len(lacks) == 0 {
		return passed("privileges.ok", "Account", account)
	}
	var missing, grants []string
	for len(lacks) > 0 {
		on, names := lacks[0].On, []string(nil)
		for len(lacks) > 0 && lacks[0].On == on {
			names, lacks = append(names, lacks[0].Privilege), lacks[1:]
		}
		missing = append(missing, strings.Join(names, ", ")+" ON "+on)
		grants = append(grants, "GRANT "+strings.Join(names, ", ")+" ON "+on+" TO "+account+";")
	}
	return failed("privileges.missing", "Account", account, "Missing", list(missing), "Grant", strings.Join(grants, "\n"))
}

// TestSource tries the way to a source stage by stage, and then what can be said without any table.
func TestSource(ctx context.Context, d *Deps) task.Reach {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f := &facts{Deps: d}
	w, t := f.reachSource(ctx)
	stage := func(name string, checks ...check) {
		w.try(name, func() finding {
			var last finding
			for _, c := range checks {
				if f.otherKind(c.needs) {
					continue
				}
				last = c.run(ctx, f)
				if last.status == Failed && cmp.Or(last.severity, c.severity, Error) == Error {
					return last
				}
			}
			if len(checks) == 1 && last.status == Passed {
				return last
			}
			return passed("stage."+name, "Observed", text("finding."+last.code+".observed", last.params))
		})
	}
	stage("version", check{run: sourceVersion})
	stage("privileges", check{run: privileges})
	if d.Spec.Incremental {
		stage("binlog", binlogChecks()...)
	}
	return task.Reach{Stages: w.stages, From: t.from}
}
