package task

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// LoadFile reads a task file, puts in the defaults and the secrets that it names, and checks the whole. All that is
// wrong with the values comes in one error, task.file_invalid, as Problems; an error of the syntax or of a type
// (task.file_syntax) names its line.
func LoadFile(path string, getenv func(string) string) (*Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{Code: "task.file_unreadable", Op: "reading the task file", Text: "The task file could not be read.",
			Hint: "Look at the name of the file and at the right to read it.", Err: err}
	}
	s, err := parse(text)
	if err != nil {
		return nil, &Error{Code: "task.file_syntax", Op: "reading " + path, Text: "The task file is not written as it should be: " + err.Error() + ".",
			Hint: "The numbers are line and column. docs/task-file.md lists all fields."}
	}
	near := folder(filepath.Dir(path))
	problems := resolve(s, near, getenv)
	s.Defaults()
	if problems = append(problems, s.Problems()...); len(problems) > 0 {
		return nil, &Error{Code: "task.file_invalid", Op: "reading " + path, Text: fmt.Sprintf("The task file has %s", count(len(problems))),
			Hint: "Correct each and try again. docs/task-file.md lists all fields.", Err: problems}
	}
	return s, nil
}

func count(n int) string {
	if n == 1 {
		return "an error"
	}
	return strconv.Itoa(n) + " errors"
}

// parse decodes strictly: an unknown field, a field given twice or a value of another type is an error. The secrets
// are left as YAML, for resolve.
func parse(text []byte) (*Spec, error) {
	if err := noFractions(text); err != nil {
		return nil, err
	}
	s := new(Spec)
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict(),
		yaml.CustomUnmarshaler[Secret](func(to *Secret, raw []byte) error { *to = Secret(raw); return nil }))
	if err := d.Decode(s); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	} else if err != nil {
		return nil, readable(err)
	}
	if err := d.Decode(new(Spec)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one document (a line of three dashes)")
	}
	var given struct{ Schema, Full, Incremental *bool }
	if err := yaml.Unmarshal(text, &given); err != nil {
		return nil, readable(err)
	}
	if given.Schema == nil && given.Full == nil && given.Incremental == nil {
		s.Schema, s.Full, s.Incremental = true, true, true
	}
	return s, nil
}

// fractions finds numbers with a fraction: no field takes one, and the library would cut 1.5 to 1.
type fractions struct{ err error }

func (f *fractions) Visit(n ast.Node) ast.Visitor {
	if at, ok := n.(*ast.FloatNode); ok && f.err == nil {
		p := at.Token.Position
		f.err = fmt.Errorf("[%d:%d] a whole number, or text in quotes, is wanted", p.Line, p.Column)
	}
	return f
}

func noFractions(text []byte) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return readable(err)
	}
	var f fractions
	for _, doc := range file.Docs {
		if doc.Body != nil {
			ast.Walk(&f, doc.Body)
		}
	}
	return f.err
}

var quoted = regexp.MustCompile(`"[^"]*"?`)

// readable prints the library's error with its line, but not the text of the file around it: a password may stand
// there. For the same reason an error of the syntax keeps no quoted text.
func readable(err error) error {
	text := yaml.FormatError(err, false, false)
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		text = quoted.ReplaceAllString(text, "…")
	}
	return errors.New(strings.TrimSpace(text))
}

// folder is where the files that a task file names are looked for.
type folder string

func (f folder) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(string(f), name)
}

// resolve reads the secrets and makes the paths of certificates those of the file system.
func resolve(s *Spec, near folder, getenv func(string) string) Problems {
	var out Problems
	for _, at := range []struct {
		field  string
		secret *Secret
		tls    *TLS
	}{{"source", &s.Source.Password, &s.Source.TLS}, {"target", &s.Target.Password, &s.Target.TLS}} {
		plain, err := near.secret([]byte(at.secret.Reveal()), getenv)
		if err != nil {
			out.add(at.field+".password", "%s", err)
			plain = unknown
		}
		*at.secret = Secret(plain)
		if at.tls.CAFile != "" {
			at.tls.CAFile = near.path(at.tls.CAFile)
		}
	}
	return out
}

// unknown stands for a secret that could not be read, so that it is not reported as missing as well.
const unknown = "?"

// secret reads one of {env: NAME}, {file: PATH} and plain text. Its errors hold nothing of the value.
func (f folder) secret(raw []byte, getenv func(string) string) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	wanted := errors.New("must be {env: NAME}, {file: PATH} or text in quotes")
	var value any
	if yaml.Unmarshal(raw, &value) != nil {
		return "", wanted
	}
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case map[string]any:
		env, isEnv := v["env"].(string)
		file, isFile := v["file"].(string)
		switch {
		case len(v) != 1:
		case isEnv:
			return fromEnv(env, getenv)
		case isFile:
			return fromFile(f.path(file))
		}
	}
	return "", wanted
}

func fromEnv(name string, getenv func(string) string) (string, error) {
	v := getenv(name)
	if v == "" {
		return "", fmt.Errorf("the environment variable %s is not set or empty", name)
	}
	return v, nil
}

// fromFile drops one line break at the end: editors put it there.
func fromFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the file could not be read: %w", err)
	}
	v := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if v == "" {
		return "", fmt.Errorf("the file %s is empty", path)
	}
	return v, nil
}
