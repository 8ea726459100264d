package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sluice/engine"
	"sluice/store"
)

// command runs one as a person does, with something on standard input.
func (p program) command(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	p.stdin, p.stdout, p.stderr, p.getenv = strings.NewReader(stdin), &o, &e, func(string) string { return "" }
	return p.user(t.Context(), args), o.String(), e.String()
}

var tokenOf = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// browser is one that keeps cookies.
type browser struct {
	t   *testing.T
	url string
	c   *http.Client
}

func newBrowser(t *testing.T, at string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, at, &http.Client{Jar: jar}}
}

func (b *browser) read(r *http.Response, err error) (path, page string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Request.URL.Path, string(text)
}

func (b *browser) get(to string) (path, page string) {
	b.t.Helper()
	if !strings.HasPrefix(to, "http") {
		to = b.url + to
	}
	return b.read(b.c.Get(to))
}

// send loads a page for its token and sends a form.
func (b *browser) send(from, to string, form url.Values) (path, page string) {
	b.t.Helper()
	_, page = b.get(from)
	token := tokenOf.FindStringSubmatch(page)
	if token == nil {
		b.t.Fatalf("%s has no form: %s", from, page)
	}
	form.Set("_csrf", token[1])
	return b.read(b.c.PostForm(b.url+to, form))
}

// The users are kept while the console runs: who is reset or removed is out at once, the link of a reset lets in.
func TestUsersWhileTheConsoleRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var none program
	if code, _, _ := none.command(t, "", "list", "--data", dir+"/nowhere"); code != exitUsage {
		t.Errorf("a folder that is none: exit %d", code)
	}
	const first, second = "the first password", "the second password"
	if code, out, errs := none.command(t, first+"\n", "add", "ann", "--password-stdin", "--data", dir); code != exitDone || out != "" || strings.Contains(errs, first) {
		t.Fatalf("before the first start: exit %d, %q %q", code, out, errs)
	}
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	console := &program{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	c, err := console.newConsole(st, serveOptions{data: dir, listen: "127.0.0.1:0"}, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	over := make(chan error)
	go func() { over <- c.run(ctx) }()
	t.Cleanup(func() {
		cancel(engine.ErrStopped)
		if err := <-over; err != nil {
			t.Error(err)
		}
	})

	ann := newBrowser(t, c.url)
	if path, page := ann.send("/signin", "/signin", url.Values{"name": {"ann"}, "password": {first}}); path != "/tasks" {
		t.Fatalf("ann is led to %s: %s", path, page)
	}
	for name, tt := range map[string]struct {
		code  int
		stdin string
		args  []string
	}{
		"the same name":      {exitRefused, "", []string{"add", "Ann"}},
		"a stranger":         {exitRefused, "", []string{"reset-password", "bob"}},
		"the last":           {exitRefused, "", []string{"remove", "ann"}},
		"a short password":   {exitUsage, "short\n", []string{"add", "bob", "--password-stdin"}},
		"no password":        {exitUsage, "\n", []string{"add", "bob", "--password-stdin"}},
		"no name":            {exitUsage, "", []string{"add", " "}},
		"a long name":        {exitUsage, "", []string{"add", strings.Repeat("x", 65)}},
		"an unknown command": {exitUsage, "", []string{"rename", "ann"}},
		"no command":         {exitUsage, "", nil},
	} {
		if code, out, errs := none.command(t, tt.stdin, append(tt.args, "--data", dir)...); code != tt.code || out != "" || errs == "" {
			t.Errorf("%s: exit %d, want %d; %q %q", name, code, tt.code, out, errs)
		}
	}
	if path, _ := ann.get("/tasks"); path != "/tasks" {
		t.Errorf("what was refused has signed ann out: %s", path)
	}

	code, link, errs := none.command(t, "", "reset-password", "ANN", "--url", c.url+"/", "--data", dir)
	if code != exitDone || !strings.HasPrefix(link, c.url+"/signin?") {
		t.Fatalf("exit %d, %q %q", code, link, errs)
	}
	if path, _ := ann.get("/tasks"); path != "/signin" {
		t.Errorf("after the reset ann is at %s", path)
	}
	if path, page := ann.send("/signin", "/signin", url.Values{"name": {"ann"}, "password": {first}}); path != "/signin" || !strings.Contains(page, "auth.wrong") {
		t.Errorf("the old password leads to %s", path)
	}
	link = strings.TrimSpace(link)
	at, _ := url.Parse(link)
	if path, page := ann.send(link, "/signin", at.Query()); path != "/account" || strings.Contains(page, `name="old"`) {
		t.Fatalf("the link leads to %s: %s", path, page)
	}
	if path, page := ann.send("/account", "/account/password", url.Values{"password": {second}, "again": {second}}); path != "/account" || !strings.Contains(page, `name="old"`) {
		t.Fatalf("a password that was chosen leads to %s: %s", path, page)
	}
	other := newBrowser(t, c.url)
	if path, _ := other.send("/signin", "/signin", url.Values{"name": {"ann"}, "password": {second}}); path != "/tasks" {
		t.Fatalf("the new password leads to %s", path)
	}
	if path, _ := other.send("/account", "/account/signout", url.Values{}); path != "/signin" {
		t.Errorf("signed out everywhere, and led to %s", path)
	}
	for name, b := range map[string]*browser{"the one": ann, "the other": other} {
		if path, _ := b.get("/tasks"); path != "/signin" {
			t.Errorf("%s browser is still in: %s", name, path)
		}
	}

	if code, _, errs := none.command(t, "", "add", "bob", "--data", dir); code != exitDone {
		t.Fatal(errs)
	}
	if code, out, _ := none.command(t, "", "list", "--data", dir); code != exitDone || !regexp.MustCompile(`(?s)NAME.*\nann +password +0 .*\nbob +link +0 `).MatchString(out) {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, _, errs := none.command(t, "", "remove", "ann", "--data", dir); code != exitDone {
		t.Error(errs)
	}
}
