package task

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const small = `
name: n
source: {host: h, user: u, password: {env: SOURCE}}
target: {brokers: [k], topic: t}
tables: [{schema: d, name: a}]
`

func env(name string) string {
	return map[string]string{"SOURCE": "s3cret-env", "SOURCE_PASSWORD": "s3cret-env"}[name]
}

// load writes the text to a task file of its own folder, next to what files names.
func load(t *testing.T, text string, files map[string]string) (*Spec, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "task.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := LoadFile(path, env)
	if err != nil && s != nil {
		t.Fatal("both a specification and an error")
	}
	return s, err
}

func TestSmallFileGetsTheDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, small, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Spec{Name: "n",
		Source: Source{Host: "h", Port: 3306, User: "u", Password: "s3cret-env", TLS: TLS{Mode: "off"}},
		Target: Target{Brokers: []string{"k:9092"}, TLS: TLS{Mode: "off"}, Topic: "t", Partitions: 1, Replication: 1, Compression: "none"},
		Schema: true, Full: true, Incremental: true,
		Tables: []Table{{Schema: "d", Name: "a"}}, Policy: PolicyKey, Workers: DefaultWorkers}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestPhasesAreAllOrThoseGiven(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]bool{
		"": {true, true, true}, "full: true": {false, true, false}, "schema: true\nincremental: true": {true, false, true},
		"incremental: true\nfull: false\nfrom: {time: '2025-01-31T12:00:00Z'}": {false, false, true},
	} {
		s, err := load(t, small+text, nil)
		if err != nil || [3]bool{s.Schema, s.Full, s.Incremental} != want {
			t.Errorf("%q: %+v %v", text, s, err)
		}
	}
}

func TestDocumentedExample(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/task-file.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(doc)
	if example == nil {
		t.Fatal("the document has no example")
	}
	secret := filepath.Join(t.TempDir(), "kafka")
	if err := os.WriteFile(secret, []byte("s3cret-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := load(t, strings.Replace(string(example[1]), "/run/secrets/kafka", secret, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Source.Password.Reveal() != "s3cret-env" || s.Target.Password.Reveal() != "s3cret-file" || len(s.Tables) != 3 ||
		s.Tables[1].Rename["qty"] != "quantity" || !s.Tables[2].NoDDL || s.Rate != 20000 || !filepath.IsAbs(s.Source.TLS.CAFile) {
		t.Errorf("%+v", s)
	}
}

// TestEveryFieldIsDocumented holds the document against the types.
func TestEveryFieldIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/task-file.md")
	if err != nil {
		t.Fatal(err)
	}
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			if !regexp.MustCompile("`([a-z.]+\\.)?" + name + "[`.]").Match(doc) {
				t.Errorf("%s.%s (%s) is not documented", typ.Name(), typ.Field(i).Name, name)
			}
			look(typ.Field(i).Type)
		}
	}
	look(reflect.TypeFor[Spec]())
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	files := map[string]string{"pw": "from file\n", "crlf": "x\r\n", "two": "x\n\n", "empty": "\n"}
	tests := map[string]struct{ want, problem string }{
		`{env: SOURCE}`:               {"s3cret-env", ""},
		`{file: pw}`:                  {"from file", ""},
		`{file: crlf}`:                {"x", ""},
		`{file: two}`:                 {"x\n", ""},
		`plain`:                       {"plain", ""},
		`"a\"b: c # d"`:               {`a"b: c # d`, ""},
		`'123'`:                       {"123", ""},
		"|-\n    block":               {"block", ""},
		``:                            {"", ""},
		`~`:                           {"", ""},
		`{env: ABSENT}`:               {"", "the environment variable ABSENT is not set or empty"},
		`{file: absent}`:              {"", "the file could not be read"},
		`{file: empty}`:               {"", "is empty"},
		`{env: s3cret, file: s3cret}`: {"", "must be {env: NAME}"},
		`{vault: s3cret}`:             {"", "must be {env: NAME}"},
		`{env: [s3cret]}`:             {"", "must be {env: NAME}"},
		`[s3cret]`:                    {"", "must be {env: NAME}"},
		`12345`:                       {"", "must be {env: NAME}"},
		`true`:                        {"", "must be {env: NAME}"},
		`{}`:                          {"", "must be {env: NAME}"},
	}
	for text, tt := range tests {
		t.Run("case", func(t *testing.T) { // a folder's name holds the test's: it must not hold the secret
			t.Parallel()
			s, err := load(t, "source:\n  host: h\n  user: u\n  password: "+text+"\n"+strings.Replace(small, "source:", "#", 1), files)
			if tt.problem == "" {
				if err != nil || s.Source.Password.Reveal() != tt.want {
					t.Fatalf("%s: %v", text, err)
				}
				return
			}
			var p Problems
			if !errors.As(err, &p) || len(p) != 1 || p[0].Field != "source.password" || !strings.Contains(p[0].Text, tt.problem) {
				t.Fatalf("%s: want %q, got %v", text, tt.problem, err)
			}
			wantNoSecret(t, err)
		})
	}
}

func wantNoSecret(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text := fmt.Sprintf("%s %v %+v %q", e, e, e, e); strings.Contains(text, "s3cret") || strings.Contains(text, "12345") {
			t.Errorf("a secret stands in %s", text)
		}
	}
}

func TestSyntax(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // file: what the error says
		"":                                         "it is empty",
		"# only this\n":                            "it is empty",
		"name: x\nfoo: 3\n":                        `[2:1] unknown field "foo"`,
		"tables:\n- schema: s\n  nam: k\n":         `[3:3] unknown field "nam"`,
		"name: x\nname: y\n":                       "[2:1] mapping key … already defined at [1:1]",
		"name: [1]\n":                              "[1:7] ",
		"source: 3\n":                              "[1:9] int was used where mapping is expected",
		"tables: {a: b}\n":                         "[1:9] mapping was used where sequence is expected",
		"target: {brokers: a}\n":                   "[1:19] string was used where sequence is expected",
		"\nfull: yes\n":                            "[2:7] cannot unmarshal string into Go struct field Spec.Full of type bool",
		"rate: 1.5\n":                              "[1:7] a whole number, or text in quotes, is wanted",
		"rate: many\n":                             "[1:7] cannot unmarshal string",
		"rate: 99999999999999999999\n":             "[1:7] cannot unmarshal 99999",
		"source:\n  port: abc\n":                   "[2:9] cannot unmarshal string",
		"source:\n\tport: 3\n":                     "[2:1] ",
		small + "---\n" + small:                    "more than one document",
		"source: {password: 's3cret\n":             "[1:20] ",
		"source: {password: *s3cret}\n":            "[1:21] could not find alias …",
		"source:\n  password: |s3cret\n":           "[2:13] invalid header option: …",
		"source:\n  password: a: s3cret\n":         "[2:13] ",
		"source:\n  password: \"a\"s3cret\n":       "[2:16] ",
		"source: {password: @s3cret}\n":            "[1:20] ",
		"source:\n  password: s3cret\n  prot: 3\n": `[3:3] unknown field "prot"`,
	}
	for text, want := range tests {
		t.Run("case", func(t *testing.T) {
			t.Parallel()
			_, err := load(t, text, nil)
			if Code(err) != "task.file_syntax" || !strings.Contains(err.Error(), want) {
				t.Fatalf("%s: want %q, got %v", text, want, err)
			}
			wantNoSecret(t, err)
		})
	}
}

func TestAllErrorsOfAFileComeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, "name: n\nsource: {host: h, password: {env: ABSENT}}\ntarget: {brokers: [k], user: u, password: {file: absent}}\ntables: []\n", nil)
	if Code(err) != "task.file_invalid" {
		t.Fatal(err)
	}
	for _, want := range []string{"has 4 errors", "\n  source.password: ", "\n  target.password: ", "\n  source.user: is missing", "\n  tables: must name"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	if _, err := LoadFile(filepath.Join(t.TempDir(), "absent.yaml"), env); Code(err) != "task.file_unreadable" || !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}
