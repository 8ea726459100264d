package precheck

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// binlogChecks look at how the source logs its changes.
func binlogChecks() []check {
	return []check{
		{id: "source.binlog_on", group: "binlog", needs: aSource, run: variable("log_bin", "ON")},
		{id: "source.binlog_format", group: "binlog", needs: aSource, run: sessionVariable("binlog_format", "ROW")},
		{id: "source.row_image", group: "binlog", needs: aSource, run: sessionVariable("binlog_row_image", "FULL")},
		{id: "source.row_metadata", group: "binlog", severity: Warning, needs: aSource, run: variable("binlog_row_metadata", "FULL")},
		{id: "source.compression", group: "binlog", severity: Info, needs: aSource, run: compression},
		{id: "source.gtid", group: "binlog", needs: aMySQL, severity: Warning, run: gtid},
		{id: "source.gtid_strict", group: "binlog", severity: Warning, needs: aMariaDB, run: variable("gtid_strict_mode", "ON")},
		{id: "source.server_id", group: "binlog", needs: aSource, run: serverID},
		{id: "source.server_id_clash", group: "binlog", severity: Info, needs: aSource, run: serverIDClash},
		{id: "source.durability", group: "binlog", severity: Warning, needs: aSource, run: durability},
		{id: "source.xa_prepared", group: "binlog", severity: Warning, needs: aSource, run: prepared},
		{id: "source.binlog_exist", group: "binlog", needs: aSource, when: following, run: binlogExist},
		{id: "source.filters", group: "binlog", needs: aSource, run: logFilters},
	}
}

// variable makes a check of one global variable. Its failure is "variable.<name>".
func variable(name, want string) func(context.Context, *facts) finding {
	return func(ctx context.Context, f *facts) finding {
		vars, err := f.source.Variables(ctx, name)
		if err != nil {
			return refused(err)
		}
		got, known := vars[name]
		switch {
		case strings.EqualFold(got, want) && known:
			return passed("variable.ok", "Name", name, "Value", got)
		case !known:
			got = "–"
		}
		return failed("variable."+name, "Value", got)
	}
}

// sessionVariable is variable for one of which each session has a value of its own, which it keeps when the global one
// is set. It looks at the open sessions where the server shows them, and says where it does not.
func sessionVariable(name, want string) func(context.Context, *facts) finding {
	global := variable(name, want)
	return func(ctx context.Context, f *facts) finding {
		found := global(ctx, f)
		if found.status != Passed {
			return found
		}
		params := []string{"Name", name, "Value", found.params["Value"]}
		others, readable, err := f.source.SessionsWithout(ctx, name, found.params["Value"])
		switch {
		case err != nil:
			return refused(err)
		case !readable:
			return passed("sessions.unseen", params...)
		case len(others) == 0:
			return passed("sessions.ok", params...)
		}
		var named, kill []string
		for _, s := range others {
			named = append(named, fmt.Sprintf("%s@%s (%d) %s", s.User, s.Host, s.ID, cmp.Or(s.Value, "''")))
			kill = append(kill, fmt.Sprintf("KILL %d;", s.ID))
		}
		return failed("sessions.other", append(params, "Sessions", list(named), "Kill", strings.Join(kill[:min(len(kill), 10)], "\n"))...).as(Warning)
	}
}

// serverIDClash looks for a replica with the id that was drawn for reading the binlog. A task draws its own in the same
// way, and anew while a replica has it.
func serverIDClash(ctx context.Context, f *facts) finding {
	replicas, readable, err := f.source.Registered(ctx)
	if err != nil {
		return refused(err)
	}
	if !readable {
		return skipped("server_id_clash.unseen")
	}
	own := f.source.ServerID()
	var named []string
	for _, r := range replicas {
		if r.ID == own {
			return failed("server_id_clash.taken", "Id", strconv.FormatUint(uint64(own), 10), "Host", cmp.Or(r.Host, "?"))
		}
		named = append(named, strings.TrimSpace(fmt.Sprint(r.ID, " ", r.Host)))
	}
	return passed("server_id_clash.ok", "Id", strconv.FormatUint(uint64(own), 10), "Replicas", cmp.Or(list(named), "–"))
}

// gtid tells what proves, without GTID, that a snapshot shows a transaction.
func gtid(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, "gtid_mode", "binlog_order_commits")
	if err != nil {
		return refused(err)
	}
	mode := vars["gtid_mode"]
	switch {
	case strings.EqualFold(mode, "ON"):
		return passed("variable.ok", "Name", "gtid_mode", "Value", mode)
	case !f.Spec.Full:
		return passed("gtid.position", "Value", mode)
	case !f.Spec.Source.RowLock:
		return failed("gtid.next_file", "Value", mode)
	case !strings.EqualFold(vars["binlog_order_commits"], "ON"):
		return failed("gtid.unordered", "Value", mode)
	}
	return passed("gtid.row_lock", "Value", mode)
}

func serverID(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, "server_id")
	if err != nil {
		return refused(err)
	}
	if id := vars["server_id"]; id != "" && id != "0" {
		return passed("variable.ok", "Name", "server_id", "Value", id)
	}
	return failed("variable.server_id", "Value", "0")
}

// prepared names the XA transactions whose changes a task that starts now would not know.
func prepared(ctx context.Context, f *facts) finding {
	xids, known, err := f.source.Prepared(ctx)
	switch {
	case err != nil:
		return refused(err)
	case !known:
		return skipped("xa_prepared.unseen")
	case len(xids) > 0:
		return failed("xa_prepared.open", "Names", list(xids))
	}
	return passed("xa_prepared.none")
}

func durability(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, "sync_binlog", "innodb_flush_log_at_trx_commit")
	if err != nil {
		return refused(err)
	}
	params := []string{"SyncBinlog", vars["sync_binlog"], "FlushLog", vars["innodb_flush_log_at_trx_commit"]}
	if vars["sync_binlog"] == "1" && vars["innodb_flush_log_at_trx_commit"] == "1" {
		return passed("durability.ok", params...)
	}
	return failed("durability.loose", params...)
}
