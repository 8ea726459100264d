package precheck

import (
	"context"
	"strings"
)

// binlogChecks look at how the source logs its changes.
func binlogChecks() []check {
	return []check{
		{id: "source.binlog_on", group: "binlog", needs: aSource, run: variable("log_bin", "ON")},
		{id: "source.binlog_format", group: "binlog", needs: aSource, run: variable("binlog_format", "ROW")},
		{id: "source.row_image", group: "binlog", needs: aSource, run: variable("binlog_row_image", "FULL")},
		{id: "source.row_metadata", group: "binlog", severity: Warning, needs: aSource, run: variable("binlog_row_metadata", "FULL")},
		{id: "source.row_value_options", group: "binlog", needs: aMySQL, run: variable("binlog_row_value_options", "")},
		{id: "source.compression", group: "binlog", severity: Info, needs: aSource, run: compression},
		{id: "source.gtid", group: "binlog", needs: aMySQL, run: variable("gtid_mode", "ON")},
		{id: "source.gtid_strict", group: "binlog", severity: Warning, needs: aMariaDB, run: variable("gtid_strict_mode", "ON")},
		{id: "source.server_id", group: "binlog", needs: aSource, run: serverID},
		{id: "source.durability", group: "binlog", severity: Warning, needs: aSource, run: durability},
		{id: "source.binlog_exist", group: "binlog", needs: aSource, when: following, run: binlogExist},
		{id: "source.filters", group: "binlog", needs: aSource, run: logFilters},
	}
}

// variable makes a check of one global variable. One that the server does not know passes if it should be empty. Its
// failure is "variable.<name>".
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
		case !known && want == "":
			return passed("variable.absent", "Name", name)
		case !known:
			got = "–"
		}
		return failed("variable."+name, "Value", got)
	}
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
