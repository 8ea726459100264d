package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/engine/enginetest/servers"
)

// cell is one task: from where to where, and how both are reached.
type cell struct {
	Source      string `json:"source"`
	Target      string `json:"target"`
	Setting     string `json:"setting,omitempty"` // of the source; empty: the tests' own
	Account     string `json:"account"`           // its authentication plugin
	SourceTLS   string `json:"source_tls"`        // a mode
	SignIn      string `json:"sign_in"`           // a mechanism or none
	TargetTLS   string `json:"target_tls"`
	Compression string `json:"compression"`

	options []string // of the source
}

func (c *cell) pair() string { return c.Source + "/" + c.Target }

func (c *cell) name() string { return strings.TrimSuffix(c.pair()+"/"+c.Setting, "/") }

var sources = []servers.Kind{servers.MySQL80, servers.MySQL97, servers.MariaDB1011, servers.MariaDB114, servers.MariaDB118}

const newest = "kafka-4.4.0"

var targets = []string{string(servers.Kafka010), string(servers.Kafka0102), string(servers.Kafka10), string(servers.Kafka28), string(servers.Kafka39), newest}

var compressions = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// signIns are mechanism and encryption of the target.
var signIns = [][2]string{{"none", "off"}, {"SCRAM-SHA-256", "off"}, {"SCRAM-SHA-256", "full"}, {"PLAIN", "ca"}, {"SCRAM-SHA-512", "require"}}

const (
	sha2    = "caching_sha2_password"
	sha256  = "sha256_password"
	native  = "mysql_native_password"
	ed25519 = "ed25519"
)

// accounts are plugin and encryption of the source, as many as there are targets. MySQL 9 has no native passwords, the
// archive of MariaDB 11.4 no plugins.
func accounts(kind servers.Kind) [][2]string {
	switch {
	case kind == servers.MariaDB114:
		return [][2]string{{native, "off"}, {native, "require"}, {native, "ca"}, {native, "full"}, {native, "off"}, {native, "full"}}
	case kind.MariaDB():
		return [][2]string{{native, "off"}, {native, "require"}, {native, "ca"}, {native, "full"}, {ed25519, "off"}, {ed25519, "full"}}
	case kind == servers.MySQL97:
		return [][2]string{{sha2, "off"}, {sha2, "require"}, {sha2, "ca"}, {sha2, "full"}, {sha256, "off"}, {sha256, "full"}}
	}
	return [][2]string{{sha2, "off"}, {sha2, "require"}, {sha2, "ca"}, {sha2, "full"}, {native, "off"}, {native, "full"}}
}

// grid is every source with every target.
func grid() (out []*cell) {
	for j, target := range targets {
		for i, source := range sources {
			account, signIn := accounts(source)[(i+j)%6], signIns[(2*i+j)%5]
			out = append(out, &cell{Source: string(source), Target: target, Account: account[0], SourceTLS: account[1],
				SignIn: signIn[0], TargetTLS: signIn[1], Compression: compressions[(i+j)%5]})
		}
	}
	return out
}

// setting is one way in which a source may be set, and must be read all the same.
type setting struct {
	name    string
	sources []servers.Kind
	options []string
}

var (
	mysqls   = []servers.Kind{servers.MySQL80, servers.MySQL97}
	mariadbs = []servers.Kind{servers.MariaDB1011, servers.MariaDB114, servers.MariaDB118}
)

func settings() []setting {
	return []setting{
		{"binlog_row_metadata=MINIMAL", sources, []string{"binlog_row_metadata=MINIMAL"}},
		{"binlog_row_metadata=NO_LOG", mariadbs, []string{"binlog_row_metadata=NO_LOG"}},
		{"binlog_transaction_compression=ON", mysqls, []string{"binlog_transaction_compression=ON"}},
		{"log_bin_compress=ON", mariadbs, []string{"log_bin_compress=ON", "log_bin_compress_min_len=10"}},
		{"binlog_checksum=NONE", sources, []string{"binlog_checksum=NONE"}},
		{"binlog_checksum=CRC32", mariadbs, []string{"binlog_checksum=CRC32"}},
		{"sql_mode", sources, []string{"sql_mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE"}},
		{"time_zone", sources, []string{"default_time_zone=-09:30"}},
		{"character_set_server=latin1", sources, []string{"character_set_server=latin1", "init_connect='SET NAMES latin1'"}},
		{"lower_case_table_names=1", sources, []string{"lower_case_table_names=1"}},
	}
}

// settled are the cells of the settings, all to the newest broker.
func settled() (out []*cell) {
	for _, s := range settings() {
		for _, source := range s.sources {
			a := accounts(source)[0]
			out = append(out, &cell{Source: string(source), Target: newest, Setting: s.name, Account: a[0], SourceTLS: a[1],
				SignIn: "none", TargetTLS: "off", Compression: compressions[(len(out)+3)%5], options: s.options})
		}
	}
	return out
}

// few are the cells of `task test`: what it fetches, and every compression.
var few = []string{"mariadb-10.11/kafka-0.10.1.0", "mysql-8.0.33/kafka-1.0.2", "mysql-9.7/kafka-4.4.0",
	"mysql-8.0.33/kafka-4.4.0/sql_mode", "mariadb-10.11/kafka-4.4.0/log_bin_compress=ON"}

// chosen are the cells that the flags ask for, by target, so that each broker is started once.
func chosen(t testing.TB, cells []*cell) (out []*cell) {
	t.Helper()
	want := few
	if *pairs != "" {
		want = strings.Split(*pairs, ",")
	}
	for _, c := range cells {
		if *all || slices.Contains(want, c.name()) {
			out = append(out, c)
		}
	}
	if !*all && len(out) < len(want) {
		t.Fatalf("not all of these are cells: %q", want)
	}
	slices.SortStableFunc(out, func(a, b *cell) int {
		return cmp.Compare(slices.Index(targets, a.Target), slices.Index(targets, b.Target))
	})
	return out
}

// TestGrid: every source meets every target, every account and compression; every target every sign-in and compression.
func TestGrid(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range grid() {
		for _, s := range []string{c.pair(), c.Source + " " + c.Account + " " + c.SourceTLS, c.Source + " " + c.Compression,
			c.Target + " " + c.SignIn + " " + c.TargetTLS, c.Target + " " + c.Compression} {
			seen[s] = true
		}
	}
	want := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !seen[s] {
			t.Errorf("no cell has %s", s)
		}
	}
	for _, source := range sources {
		for _, a := range accounts(source) {
			want("%s %s %s", source, a[0], a[1])
		}
		for _, target := range targets {
			want("%s/%s", source, target)
			for _, codec := range compressions {
				want("%s %s", source, codec)
				want("%s %s", target, codec)
			}
			for _, s := range signIns {
				want("%s %s %s", target, s[0], s[1])
			}
		}
	}
}
