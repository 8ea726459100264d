package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

// firstVisit is what may travel at the first visit: the page and every static file.
const firstVisit = 75_000

func TestFirstVisitIsSmall(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	page := s.do(request{method: http.MethodGet, path: "/tasks", cookies: signed(), head: map[string]string{"Accept-Encoding": "gzip"}})
	sum := page.Body.Len()
	for _, name := range s.files.Names() {
		w := s.do(request{method: http.MethodGet, path: s.files.URL(name), head: map[string]string{"Accept-Encoding": "gzip"}})
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s is answered %d, to be kept %q", name, w.Code, w.Header().Get("Cache-Control"))
		}
		in, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Fatalf("%s does not travel compressed: %v", name, err)
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Fatal(err)
		}
		sum += w.Body.Len()
	}
	if sum > firstVisit {
		t.Errorf("the first visit takes %d bytes, more than %d", sum, firstVisit)
	}
	t.Logf("the first visit takes %d bytes", sum)
}

// A page names static files by their hash alone, but the sprite, which is asked again.
func TestFilesByHash(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	page := s.do(request{method: http.MethodGet, path: "/tasks", cookies: signed()}).Body.String()
	for _, name := range []string{"app.css", "app.js", "live.js", "live-worker.js", "icon.svg"} {
		if !strings.Contains(page, s.files.URL(name)) {
			t.Errorf("the page does not name %s by its hash", name)
		}
	}
	w := s.do(request{method: http.MethodGet, path: "/static/icons.svg"})
	again := s.do(request{method: http.MethodGet, path: "/static/icons.svg", head: map[string]string{"If-None-Match": w.Header().Get("ETag")}})
	if w.Code != http.StatusOK || again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("the sprite is answered %d, then %d with %d bytes", w.Code, again.Code, again.Body.Len())
	}
	if w := s.do(request{method: http.MethodGet, path: "/static/../embed.go"}); w.Code != http.StatusNotFound {
		t.Errorf("a file beside is answered %d", w.Code)
	}
}
