package precheck

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/engine/cdc"
)

// copyRate is how fast a full copy is at least expected to be, in bytes of the source's tables a second.
const copyRate = 10 << 20

// copyTime estimates how long the full copy takes.
func (f *facts) copyTime() time.Duration {
	return (time.Duration(f.bytes()/copyRate) * time.Second).Round(time.Minute) + time.Minute
}

// compression passes: both forms are read. It tells which one the server uses.
func compression(ctx context.Context, f *facts) finding {
	name := "binlog_transaction_compression"
	if f.flavor == cdc.MariaDB {
		name = "log_bin_compress"
	}
	vars, err := f.source.Variables(ctx, name)
	if err != nil {
		return refused(err)
	}
	if vars[name] == "" {
		return passed("variable.absent", "Name", name)
	}
	return passed("variable.ok", "Name", name, "Value", vars[name])
}

// binlogExist holds the start of a task against the files that are there.
func binlogExist(ctx context.Context, f *facts) finding {
	files, err := f.listBinlog(ctx)
	if err != nil {
		return refused(err)
	}
	if len(files) == 0 {
		return failed("binlog_exist.none")
	}
	var sum int64
	for _, b := range files {
		sum += b.Bytes
	}
	params := []string{"First", files[0].Name, "Last", files[len(files)-1].Name, "Count", strconv.Itoa(len(files)), "Size", size(sum)}
	if f.Spec.From == nil || f.Spec.Full {
		return passed("binlog_exist.ok", params...)
	}
	start, err := f.source.Locate(ctx, *f.Spec.From)
	if err != nil {
		return refused(err)
	}
	if _, byFile := start.(*cdc.Upto); f.flavor == cdc.MySQL && !byFile {
		return f.purged(ctx, start, params)
	}
	return passed("binlog_exist.ok", params...)
}

// purged refuses a start before transactions that the server has purged.
func (f *facts) purged(ctx context.Context, start cdc.GTIDSet, params []string) finding {
	vars, err := f.source.Variables(ctx, "gtid_purged")
	if err != nil {
		return refused(err)
	}
	gone, err := cdc.ParseGTIDSet(cdc.MySQL, vars["gtid_purged"])
	if err != nil {
		return refused(err)
	}
	if !start.Includes(gone) {
		return failed("binlog_exist.purged", append(params, "Purged", gone.String())...)
	}
	return passed("binlog_exist.ok", params...)
}

// logFilters refuses databases that the server leaves out of its binlog.
func logFilters(ctx context.Context, f *facts) finding {
	do, ignore, err := f.source.BinlogFilters(ctx)
	if err != nil {
		return refused(err)
	}
	var hit []string
	for _, id := range append(f.ids(), f.newIn()...) {
		out := len(do) > 0 && !slices.Contains(do, id.Schema) || slices.Contains(ignore, id.Schema)
		if out && !slices.Contains(hit, id.Schema) {
			hit = append(hit, id.Schema)
		}
	}
	params := []string{"Databases", list(hit), "Do", strings.Join(do, ","), "Ignore", strings.Join(ignore, ",")}
	switch {
	case len(hit) > 0:
		return failed("filters.hit", params...)
	case len(do)+len(ignore) > 0:
		return passed("filters.other", params...)
	}
	return passed("filters.none")
}
