package mysql

import (
	"context"
	"fmt"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Check refuses what this version does not support, with a code, the reason and the remedy.
func (s *Source) Check(ctx context.Context) error {
	return s.ask(ctx, "checking the source", func(c *conn) error {
		if err := supported(s.server.Flavor, s.version, s.server.Version); err != nil {
			return err
		}
		vars, err := c.variables("log_bin", "binlog_format", "binlog_row_image")
		if err != nil {
			return err
		}
		return checkVariables(vars)
	})
}

func supported(flavor cdc.Flavor, v version, text string) error {
	ok, want := v.atLeast(8, 0) && !v.atLeast(10, 0), "MySQL 8.0 to 9.x"
	if flavor == cdc.MariaDB {
		ok, want = v.atLeast(10, 5) && !v.atLeast(12, 0), "MariaDB 10.5 to 11.x"
	}
	if ok {
		return nil
	}
	return &task.Error{
		Code: "source.version",
		Text: fmt.Sprintf("the server is %s, which is not supported yet", text),
		Hint: "Supported are " + want + ".",
	}
}

// setting is one variable that must have a value, and why.
type setting struct {
	name, want, code, text, hint string
}

var settings = []setting{
	{"log_bin", "ON", errBinlogOff.Code, errBinlogOff.Text, errBinlogOff.Hint},
	{"binlog_format", "ROW", "source.binlog_format", "binlog_format is %s: changes are not logged as rows", "Run SET GLOBAL binlog_format='ROW', set it in the configuration too, and reconnect the writers."},
	{"binlog_row_image", "FULL", "source.binlog_row_image", "binlog_row_image is %s: rows are not logged whole", "Run SET GLOBAL binlog_row_image='FULL', set it in the configuration too, and reconnect the writers."},
}

func checkVariables(vars map[string]string) error {
	for _, want := range settings {
		got := vars[want.name]
		if strings.EqualFold(got, want.want) {
			continue
		}
		text := want.text
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, got)
		}
		return &task.Error{Code: want.code, Text: text, Hint: want.hint}
	}
	return nil
}

// checkStrict refuses to move to a MariaDB server whose transaction numbers may fall: what a task has is then no set.
func (s *Source) checkStrict(ctx context.Context) error {
	if s.server.Flavor != cdc.MariaDB {
		return nil
	}
	vars, err := s.Variables(ctx, "gtid_strict_mode")
	if err != nil || strings.EqualFold(vars["gtid_strict_mode"], "ON") {
		return err
	}
	return &task.Error{Code: otherServer, Text: "the address leads to another server, whose gtid_strict_mode is " + vars["gtid_strict_mode"],
		Hint: "Only with gtid_strict_mode=ON do GTIDs tell what was handled. Start a new task with a full copy."}
}

// variables reads global variables; those that the server does not know are missing.
func (c *conn) variables(names ...string) (map[string]string, error) {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteString(n)
	}
	vars := map[string]string{}
	err := c.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN ("+strings.Join(quoted, ",")+")", func(row []string) error {
		vars[strings.ToLower(row[0])] = row[1]
		return nil
	})
	return vars, err
}

// Variables reads global variables, for the precheck; those that the server does not know are missing.
func (s *Source) Variables(ctx context.Context, names ...string) (map[string]string, error) {
	var vars map[string]string
	err := s.ask(ctx, "reading variables", func(c *conn) error {
		var err error
		vars, err = c.variables(names...)
		return err
	})
	return vars, err
}
