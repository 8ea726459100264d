package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/wait"
)

// demoRun is a running demo.
type demoRun struct {
	*testing.T
	dir    string
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  *bufio.Scanner
	out    strings.Builder
	stderr bytes.Buffer
	took   time.Duration // to the link

	link, host, port, account, password, broker string
}

var (
	linkLine   = regexp.MustCompile(`^ +(http://127\.0\.0\.1:\d+/signin\?ticket=\S+)$`)
	sourceLine = regexp.MustCompile(`^ +source +host (\S+) +port (\d+) +account (\S+) +password (\S+)$`)
	targetLine = regexp.MustCompile(`^ +target +(\S+) `)
)

// startDemo starts the binary and waits until it can be used.
func startDemo(t *testing.T, dir string, args ...string) *demoRun {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return startDemoBy(t, exec.CommandContext(t.Context(), path), dir, args...)
}

func startDemoBy(t *testing.T, cmd *exec.Cmd, dir string, args ...string) *demoRun {
	t.Helper()
	d := &demoRun{T: t, dir: dir, cmd: cmd}
	cmd.Args = append(append(cmd.Args, "demo", "--data", dir, "--listen", "127.0.0.1:0"), args...)
	cmd.Stderr = &d.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if d.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.lines = bufio.NewScanner(out)
	d.until("Ctrl-C stops everything")
	d.took = time.Since(begin)
	for line := range strings.Lines(d.out.String()) {
		line = strings.TrimRight(line, "\n")
		if m := linkLine.FindStringSubmatch(line); m != nil {
			d.link = m[1]
		} else if m := sourceLine.FindStringSubmatch(line); m != nil {
			d.host, d.port, d.account, d.password = m[1], m[2], m[3], m[4]
		} else if m := targetLine.FindStringSubmatch(line); m != nil {
			d.broker = m[1]
		}
	}
	if d.link == "" || d.password == "" || d.broker == "" {
		t.Fatalf("the demo did not say how to use it:\n%s", d.out.String())
	}
	return d
}

// until reads what the demo prints up to a line that holds the words.
func (d *demoRun) until(words string) {
	d.Helper()
	deadline := time.AfterFunc(2*time.Minute, func() { _ = d.cmd.Process.Kill() })
	defer deadline.Stop()
	for d.lines.Scan() {
		fmt.Fprintln(&d.out, d.lines.Text())
		if strings.Contains(d.lines.Text(), words) {
			return
		}
	}
	_ = d.cmd.Wait()
	d.Fatalf("the demo ended before it said %q:\n%s%s", words, d.out.String(), d.stderr.String())
}

// rate types a rate.
func (d *demoRun) rate(n int) {
	d.Helper()
	if _, err := fmt.Fprintln(d.in, n); err != nil {
		d.Fatal(err)
	}
	d.until("The writer ")
}

// mariadb is the process id of the demo's server.
func (d *demoRun) mariadb() int {
	d.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "mariadb/data/mariadb.pid"))
	if err != nil {
		d.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || syscall.Kill(pid, 0) != nil {
		d.Fatalf("the server's process is %q: %v", text, err)
	}
	return pid
}

// gone waits until a process that is not a child of the test has ended.
func (d *demoRun) gone(pid int) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), 30*time.Second)
	defer cancel()
	err := wait.Until(ctx, func() error {
		if syscall.Kill(pid, 0) == nil {
			return fmt.Errorf("process %d is still there", pid)
		}
		return nil
	})
	if err != nil {
		d.Fatal(err)
	}
}

// end signals the demo and waits until nothing of it is left.
func (d *demoRun) end(pid int, s syscall.Signal) int {
	d.Helper()
	server := d.mariadb()
	if err := syscall.Kill(pid, s); err != nil {
		d.Fatal(err)
	}
	for d.lines.Scan() { // up to when no process has the pipe any longer
		fmt.Fprintln(&d.out, d.lines.Text())
	}
	_ = d.cmd.Wait()
	if s == syscall.SIGKILL {
		d.gone(server)
	}
	if err := syscall.Kill(server, 0); err != syscall.ESRCH {
		d.Errorf("the server %d outlived the demo: %v", server, err)
	}
	return d.cmd.ProcessState.ExitCode()
}

func (d *demoRun) stop() {
	d.Helper()
	if code := d.end(d.cmd.Process.Pid, syscall.SIGINT); code != exitStopped {
		d.Fatalf("exit code %d\n%s%s", code, d.out.String(), d.stderr.String())
	}
	if d.stderr.Len() > 0 {
		d.Errorf("standard error: %s", d.stderr.String())
	}
}

// interrupt stops a demo that has no server of its own.
func (d *demoRun) interrupt() {
	d.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		d.Fatal(err)
	}
	d.until("Stopping")
	if err := d.cmd.Wait(); err == nil || d.cmd.ProcessState.ExitCode() != exitStopped {
		d.Errorf("the demo ended with %v\n%s", err, d.stderr.String())
	}
}

// bench lets the tests' helpers work on the demo's servers, with the topic of this name.
func (d *demoRun) bench(name string) *bench {
	return &bench{T: d.T, dir: d.TempDir(), name: name,
		my:    &servers.MySQL{Addr: net.JoinHostPort(d.host, d.port), Account: d.account, Password: d.password},
		kafka: &servers.Kafka{Plain: d.broker}}
}

// demoTask is a task file with all tables of the shop.
func (d *demoRun) demoTask(b *bench) string {
	tables := ""
	for _, name := range []string{"customers", "products", "orders", "order_items", "page_views", "field_types"} {
		tables += "  - {schema: shop, name: " + name + "}\n"
	}
	return b.taskFile("  - {schema: "+b.name+", name: orders}\n", tables)
}

// query asks the demo's database as the account of the four privileges.
func (d *demoRun) query(sql string) [][]string {
	d.Helper()
	c, err := client.Connect(net.JoinHostPort(d.host, d.port), d.account, d.password, "shop")
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	r, err := c.Execute(sql)
	if err != nil {
		d.Fatal(err)
	}
	var out [][]string
	for i := range r.Values {
		var row []string
		for j := range r.Values[i] {
			v, err := r.GetString(i, j)
			if err != nil {
				d.Fatal(err)
			}
			row = append(row, v)
		}
		out = append(out, row)
	}
	return out
}

// copied counts the copied rows in a topic by table.
func (d *demoRun) copied(topic string) map[string]int {
	d.Helper()
	b := d.bench(topic)
	cmd := b.command(nil, "decode", "--brokers", d.broker, "--topic", topic)
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.Fatal(err)
	}
	object, counts := regexp.MustCompile(`"object":"([^"]+)"`), map[string]int{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), `"operation":"INIT"`) {
			counts[object.FindStringSubmatch(lines.Text())[1]]++
		}
	}
	if err := cmd.Wait(); err != nil {
		d.Fatal(err)
	}
	return counts
}

// page gets a page of the console.
func (d *demoRun) page(c *http.Client, address string) (*goquery.Document, int) {
	d.Helper()
	res, err := c.Get(address)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	doc, err := goquery.NewDocumentFromReader(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return doc, res.StatusCode
}

// signIn opens the link and presses its button.
func (d *demoRun) signIn() (*http.Client, int) {
	d.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	doc, _ := d.page(c, d.link)
	form := url.Values{}
	doc.Find(`form[action="/signin"] input[type=hidden]`).Each(func(_ int, s *goquery.Selection) {
		form.Set(s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	if form.Get("ticket") == "" {
		return c, http.StatusForbidden // the page says why it has no button
	}
	res, err := c.PostForm(d.base()+"/signin", form)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	return c, res.StatusCode
}

func (d *demoRun) base() string { return d.link[:strings.Index(d.link, "/signin")] }

// writes follows the writer with a task until it was stopped, and ends the task.
func (d *demoRun) writes() {
	d.Helper()
	b := d.bench("shop")
	file := b.taskFile("name: shop", "name: live", "topic: shop", "topic: shop-orders", "schema: true\nfull: true", "schema: false\nfull: false")
	r := b.start(file)
	r.until("the incremental phase", func(p *document) bool { return p.Phase == engine.PhaseIncremental && p.NoDelay })
	d.rate(200)
	r.until("changes of the writer", func(p *document) bool { return p.Inserts > 5 && p.Updates > 5 && p.Deletes > 5 })
	d.rate(0)
	at := d.query("SELECT @@gtid_binlog_pos")
	b.sluice("run", file, "--end").want(d.T, exitDone, "finished")
	r.finish().want(d.T, exitDone)
	if now := d.query("SELECT @@gtid_binlog_pos"); fmt.Sprint(now) != fmt.Sprint(at) {
		d.Errorf("the writer went on from %v to %v", at, now)
	}
}
