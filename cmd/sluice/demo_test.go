package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// The tests of the demo are not parallel: each takes the ports that are free now and wants them back later.

func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, "--rate", "0")
	t.Logf("first start: %v\n%s", d.took, d.out.String())

	console, status := d.signIn()
	list, _ := d.page(console, d.base()+"/tasks")
	if text := list.Text(); status != http.StatusOK || !strings.Contains(text, "shop to Kafka") || !strings.Contains(text, "demo broker") {
		t.Errorf("after the sign-in (%d): %s", status, text)
	}
	if _, again := d.signIn(); again == http.StatusOK {
		t.Error("the link worked twice")
	}

	b := d.bench("shop")
	b.sluice("run", d.demoTask(b), "--until", "caught-up").want(t, exitDone, "200,195 copied")
	want := map[string]int{"shop.customers": 20000, "shop.products": 2000, "shop.orders": 50000, "shop.order_items": 100195, "shop.page_views": 27000, "shop.field_types": 1000}
	if got := d.copied("shop"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("copied %v, want %v", got, want)
	}

	d.writes()
	before := d.query("SELECT count(*), max(id) FROM orders")
	d.stop()

	again := startDemo(t, dir, "--rate", "0")
	t.Logf("second start: %v", again.took)
	if again.took > 3*time.Second {
		t.Errorf("the second start took %v", again.took)
	}
	if again.port != d.port || again.broker != d.broker || again.password != d.password || again.link == d.link {
		t.Errorf("the second start says\n%s\nafter\n%s", again.out.String(), d.out.String())
	}
	if after := again.query("SELECT count(*), max(id) FROM orders"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("orders %v, before %v", after, before)
	}
	if got := again.copied("shop"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the topic holds %v, want %v", got, want)
	}
	console, _ = again.signIn()
	if list, _ := again.page(console, again.base()+"/tasks"); strings.Count(list.Find("main").Text(), "shop to Kafka") != 1 {
		t.Error("the prepared task is not there once")
	}
	again.stop()
}

// The whole demo is killed while it is written to; a task outside of it goes on when it is back, and nothing is lost
// or comes twice.
func TestDemoIsKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, "--rate", "200")
	b := d.bench("shop")
	r := b.start(b.taskFile())
	r.until("changes", func(p *document) bool { return p.Phase == engine.PhaseIncremental && p.Inserts > 20 })
	d.end(d.cmd.Process.Pid, syscall.SIGKILL)

	d = startDemo(t, dir, "--rate", "200")
	seen := r.last.Inserts
	r.until("changes after the return", func(p *document) bool { return p.Inserts > seen+20 })
	d.rate(0)
	b.sluice("run", b.taskFile(), "--end").want(t, exitDone, "finished")
	r.finish().want(t, exitDone)
	orders := map[string]bool{}
	for _, m := range b.decoded() {
		switch m.Operation {
		case "INIT", "INSERT":
			if id := *m.After["id"]; orders[id] {
				t.Errorf("order %s came twice", id)
			}
			orders[*m.After["id"]] = true
		case "DELETE":
			if !orders[*m.Before["id"]] {
				t.Errorf("order %s went before it came", *m.Before["id"])
			}
			delete(orders, *m.Before["id"])
		}
	}
	rows := d.query("SELECT id FROM orders")
	for _, row := range rows {
		if !orders[row[0]] {
			t.Errorf("order %s is missing", row[0])
		}
	}
	if len(rows) != len(orders) {
		t.Errorf("the topic leads to %d orders, the table has %d", len(orders), len(rows))
	}
	d.stop()
}

// `go run` does not pass a signal on that it gets alone, and Ctrl-C reaches both.
func TestDemoEndsWithGoRun(t *testing.T) {
	// Under nohup the demo would ignore hangups too, and go on by design.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	dir := filepath.Join(t.TempDir(), "demo")
	for _, tt := range []struct {
		name   string
		group  int // -1: the whole group gets the signal
		signal syscall.Signal
	}{{"killed", 1, syscall.SIGKILL}, {"terminated", 1, syscall.SIGTERM}, {"Ctrl-C", -1, syscall.SIGINT}} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "go", "run", ".")
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			d := startDemoBy(t, cmd, dir, "--rate", "10")
			d.end(tt.group*cmd.Process.Pid, tt.signal)
			if !strings.Contains(d.out.String(), "Stopping") {
				t.Errorf("it did not stop in order:\n%s%s", d.out.String(), d.stderr.String())
			}
		})
	}
}

func TestDemoReset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir)
	b := d.bench("shop")
	b.sluice("demo", "--data", dir).want(t, exitRefused, "data.locked")
	b.sluice("demo", "--data", dir, "--reset").want(t, exitRefused, "data.locked")
	other := startDemo(t, filepath.Join(t.TempDir(), "other"))
	taken := regexp.MustCompile(`Port \d+ is taken by another program: the MariaDB is on ` + other.port) // the first may have had to give way itself
	if !taken.MatchString(other.out.String()) || other.port == d.port || other.broker == d.broker {
		t.Errorf("a second demo says\n%s", other.out.String())
	}
	other.stop()
	b.sluice("run", b.taskFile(), "--until", "caught-up").want(t, exitDone)
	d.stop()

	d = startDemo(t, dir, "--reset", "--rate", "0")
	if got := d.query("SELECT count(*), max(id) FROM orders"); fmt.Sprint(got) != "[[50000 50000]]" {
		t.Errorf("after the reset there are %v orders", got)
	}
	if got := d.copied("shop"); len(got) > 0 {
		t.Errorf("after the reset the topic holds %v", got)
	}
	d.stop()
}

func TestDemoOnGivenSource(t *testing.T) {
	my := servers.StartMySQL(t, servers.MySQL80)
	dir := filepath.Join(t.TempDir(), "demo")
	given := my.RootUser + ":" + my.RootPassword + "@" + my.Addr
	b := &bench{T: t, my: my, kafka: &servers.Kafka{}, dir: t.TempDir(), name: "shop"}
	my.Exec(t, "CREATE DATABASE shop")
	b.sluice("demo", "--data", dir, "--source", given).want(t, exitFailed, "demo.database_exists")
	my.Exec(t, "DROP DATABASE shop")
	wrong := strings.Replace(given, my.RootPassword, "wrong", 1)
	b.sluice("demo", "--data", dir, "--source", wrong).want(t, exitFailed, "demo.source")

	d := startDemo(t, dir, "--source", given, "--rate", "0")
	if d.account == my.RootUser || strings.Contains(d.out.String(), my.RootPassword) {
		t.Errorf("the demo says\n%s", d.out.String())
	}
	b = d.bench("shop")
	b.sluice("run", d.demoTask(b), "--until", "caught-up").want(t, exitDone, "200,195 copied")
	d.interrupt()
	again := startDemo(t, dir, "--source", given, "--rate", "100", "--reset")
	if n := again.query("SELECT count(*) > 49000 FROM orders"); n[0][0] != "1" {
		t.Error("the shop was not made anew")
	}
	again.interrupt()
}

func TestDemoRefuses(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, my: &servers.MySQL{}, kafka: &servers.Kafka{}, dir: t.TempDir()}
	for _, tt := range []struct {
		args []string
		code int
		word string
	}{
		{[]string{"--listen", "0.0.0.0:8080"}, exitUsage, "loopback"},
		{[]string{"--listen", "8080"}, exitUsage, "--listen"},
		{[]string{"--rate", "-1"}, exitUsage, "--rate"},
		{[]string{"--rate", "10001"}, exitUsage, "--rate"},
		{[]string{"--source", "root@localhost"}, exitUsage, "USER:PASSWORD@HOST:PORT"},
		{[]string{"--source", "root:secret@localhost"}, exitUsage, "USER:PASSWORD@HOST:PORT"},
		{[]string{"word"}, exitUsage, "word"},
		{[]string{"--data", full}, exitFailed, "demo.folder"},
		{[]string{"--data", full, "--reset"}, exitFailed, "demo.folder"},
	} {
		b.sluice(append([]string{"demo"}, tt.args...)...).want(t, tt.code, tt.word)
	}
	if _, err := os.Stat(filepath.Join(full, "letter.txt")); err != nil {
		t.Error(err)
	}
}
