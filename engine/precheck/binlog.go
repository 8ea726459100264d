package precheck

import (
	"context"
	"fmt"
	"strings"
)

const reconnect = " Set it in the configuration too, and reconnect the writers: a session keeps the value that it began with."

// binlogChecks look at how the source logs its changes.
func binlogChecks() []check {
	return []check{
		{"source.binlog_on", "binlog", Error, "log_bin = ON", aSource, variable("log_bin", "ON",
			"the server writes no binlog", "Set log_bin in the server's configuration and restart it.")},
		{"source.binlog_format", "binlog", Error, "binlog_format = ROW", aSource, variable("binlog_format", "ROW",
			"changes are not logged as rows", "SET GLOBAL binlog_format='ROW';"+reconnect)},
		{"source.row_image", "binlog", Error, "binlog_row_image = FULL", aSource, variable("binlog_row_image", "FULL",
			"rows are not logged whole", "SET GLOBAL binlog_row_image='FULL';"+reconnect)},
		{"source.row_metadata", "binlog", Warning, "binlog_row_metadata = FULL", aSource, variable("binlog_row_metadata", "FULL",
			"column names are not logged; definitions are followed by reading DDL instead", "SET GLOBAL binlog_row_metadata='FULL';"+reconnect)},
		{"source.row_value_options", "binlog", Error, "binlog_row_value_options is empty", aMySQL, variable("binlog_row_value_options", "",
			"JSON changes are logged in part", "SET GLOBAL binlog_row_value_options='';"+reconnect)},
		{"source.gtid", "binlog", Error, "gtid_mode = ON", aMySQL, variable("gtid_mode", "ON",
			"transactions have no identity; a source without GTID is not supported yet",
			"Turn it on online: enforce_gtid_consistency=ON, then gtid_mode OFF_PERMISSIVE, ON_PERMISSIVE and ON, each by SET GLOBAL; set both in the configuration too.")},
		{"source.gtid_strict", "binlog", Warning, "gtid_strict_mode = ON", aMariaDB, variable("gtid_strict_mode", "ON",
			"the order of transactions may differ between servers, so that going on after a failover will be refused", "SET GLOBAL gtid_strict_mode=ON; set it in the configuration too.")},
		{"source.server_id", "binlog", Error, "server_id is greater than 0", aSource, serverID},
		{"source.durability", "binlog", Warning, "sync_binlog = 1, innodb_flush_log_at_trx_commit = 1", aSource, durability},
	}
}

// variable makes a check of one global variable. One that the server does not know passes if it should be empty.
func variable(name, want, cause, fix string) func(context.Context, *facts) finding {
	return func(ctx context.Context, f *facts) finding {
		vars, err := f.source.Variables(ctx, name)
		if err != nil {
			return refused(err)
		}
		got, known := vars[name]
		observed := fmt.Sprintf("%s = %s", name, got)
		if !known {
			observed = "the server has no " + name
		}
		if strings.EqualFold(got, want) {
			return passed(observed)
		}
		return finding{failed: true, observed: observed, cause: cause, fix: fix}
	}
}

func serverID(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, "server_id")
	if err != nil {
		return refused(err)
	}
	if id := vars["server_id"]; id != "" && id != "0" {
		return passed("server_id = " + id)
	}
	return finding{failed: true, observed: "server_id = 0", cause: "a server without a server_id refuses replicas", fix: "Set server_id in the server's configuration, unlike that of any other server."}
}

func durability(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, "sync_binlog", "innodb_flush_log_at_trx_commit")
	if err != nil {
		return refused(err)
	}
	observed := fmt.Sprintf("sync_binlog = %s, innodb_flush_log_at_trx_commit = %s", vars["sync_binlog"], vars["innodb_flush_log_at_trx_commit"])
	if vars["sync_binlog"] == "1" && vars["innodb_flush_log_at_trx_commit"] == "1" {
		return passed(observed)
	}
	return finding{failed: true, observed: observed, cause: "a crash of the source's machine may lose transactions that were read and sent already",
		fix: "SET GLOBAL sync_binlog=1, innodb_flush_log_at_trx_commit=1; or accept it."}
}
