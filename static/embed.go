// Package static holds the files that browsers load: style, scripts and icons, all written here.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed *.css *.js *.svg
var embedded embed.FS

// Files are the static files in memory, plain and compressed, by name and by name with hash.
type Files struct {
	names map[string]string // app.css: app.3fa4c2d1.css
	files map[string]*file
}

type file struct {
	plain, packed []byte
	kind, tag     string
	hashed        bool
}

// Load reads and packs the files.
func Load() (*Files, error) {
	f := &Files{names: map[string]string{}, files: map[string]*file{}}
	err := fs.WalkDir(embedded, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		return f.add(name, data)
	})
	return f, err
}

func (f *Files) add(name string, data []byte) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(data); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	tag, ext := hex.EncodeToString(sum[:4]), path.Ext(name)
	kind := mime.TypeByExtension(ext)
	switch ext { // the system's table may lack or bend these
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case ".svg":
		kind = "image/svg+xml"
	case ".css":
		kind = "text/css; charset=utf-8"
	}
	hashed := strings.TrimSuffix(name, ext) + "." + tag + ext
	f.names[name] = hashed
	f.files[name] = &file{data, b.Bytes(), kind, `"` + tag + `"`, false}
	f.files[hashed] = &file{data, b.Bytes(), kind, `"` + tag + `"`, true}
	return nil
}

// URL is the address of a file with its hash, so that a browser may keep it for ever.
func (f *Files) URL(name string) string { return "/static/" + f.names[name] }

// Size is how many bytes of a file travel.
func (f *Files) Size(name string) int { return len(f.files[name].packed) }

// Names are the files by their plain names.
func (f *Files) Names() []string {
	var out []string
	for n := range f.names {
		out = append(out, n)
	}
	return out
}

// Serve answers with a file; false where there is none of the name.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request, name string) bool {
	file := f.files[name]
	if file == nil {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("ETag", file.tag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if file.hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == file.tag {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	data := file.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		data = file.packed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // the reader may be gone
	return true
}
