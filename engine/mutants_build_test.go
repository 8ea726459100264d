package engine

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// All mutants are built into one binary. A function that a mutant changes is there once as it is and once for each of
// its mutants; it begins with a look at which mutant is wanted.

// mutantSwitch is the file that the overlay adds.
const mutantSwitch = `package engine

import (
	"os"
	"strconv"
)

var mutantIs, _ = strconv.Atoi(os.Getenv("SLUICE_MUTANT"))
`

// mutated applies the edits of one mutant; a text that is not there exactly once is an error.
func (m *mutant) mutated() (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range m.edits {
		text, ok := texts[e.file]
		if !ok {
			b, err := os.ReadFile(e.file)
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s: %s holds %d times %q", m.name, e.file, n, e.old)
		}
		texts[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return texts, nil
}

// goFile is a file's text and its functions.
type goFile struct {
	text  string
	fset  *token.FileSet
	funcs map[string]*ast.FuncDecl
	rest  string // the text without its functions
}

func parseGo(name, text string) (*goFile, error) {
	f := &goFile{text: text, fset: token.NewFileSet(), funcs: map[string]*ast.FuncDecl{}}
	tree, err := parser.ParseFile(f.fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	at := 0
	for _, d := range tree.Decls {
		if d, ok := d.(*ast.FuncDecl); ok {
			name := d.Name.Name
			if d.Recv != nil {
				name = f.of(d.Recv.List[0].Type) + "." + name
			}
			f.funcs[name] = d
			f.rest += text[at:f.at(d.Pos())] + "\n" + name
			at = f.at(d.End())
		}
	}
	f.rest += text[at:]
	return f, nil
}

func (f *goFile) at(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *goFile) of(n ast.Node) string { return f.text[f.at(n.Pos()):f.at(n.End())] }

// splice is text to put in at an offset, in place of what stands there up to another.
type splice struct {
	from, to int
	text     string
}

// named gives what names the parameters that have no name, and the call's arguments.
func (f *goFile) named(list *ast.FieldList, prefix string) (names []splice, args []string) {
	for i, p := range list.List {
		if len(p.Names) == 0 {
			name := fmt.Sprintf("%s%d", prefix, i)
			names = append(names, splice{f.at(p.Type.Pos()), f.at(p.Type.Pos()), name + " "})
			args = append(args, name)
		}
		for j, id := range p.Names {
			name := id.Name
			if name == "_" {
				name = fmt.Sprintf("%s%dx%d", prefix, i, j)
				names = append(names, splice{f.at(id.Pos()), f.at(id.End()), name})
			}
			args = append(args, name)
		}
		if _, ok := p.Type.(*ast.Ellipsis); ok {
			args[len(args)-1] += "..."
		}
	}
	return names, args
}

// overlayOf writes the files that hold all the mutants, and gives what each stands for.
func overlayOf(dir string, ms []mutant) (replace map[string]string, err error) {
	plain := map[string]*goFile{}
	wrong := map[string]map[string][]int{} // by file and function
	copies := map[string]string{}
	for i := range ms {
		texts, err := ms[i].mutated()
		if err != nil {
			return nil, err
		}
		for file, text := range texts {
			if plain[file] == nil {
				b, err := os.ReadFile(file)
				if err != nil {
					return nil, err
				}
				if plain[file], err = parseGo(file, string(b)); err != nil {
					return nil, err
				}
				wrong[file] = map[string][]int{}
			}
			f, err := parseGo(file, text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", ms[i].name, err)
			}
			if f.rest != plain[file].rest {
				return nil, fmt.Errorf("%s changes more than functions of %s", ms[i].name, file)
			}
			for name, d := range f.funcs {
				if f.of(d) == plain[file].of(plain[file].funcs[name]) {
					continue
				}
				wrong[file][name] = append(wrong[file][name], i+1)
				copies[file] += fmt.Sprintf("\n%s%s_m%d%s\n", text[f.at(d.Pos()):f.at(d.Name.Pos())], d.Name.Name, i+1, text[f.at(d.Name.End()):f.at(d.End())])
			}
		}
	}
	replace = map[string]string{}
	write := func(file, text string) error {
		abs, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		replace[abs] = filepath.Join(dir, file)
		return os.WriteFile(replace[abs], []byte(text), 0o600)
	}
	for file, f := range plain {
		var all []splice
		for name, mutants := range wrong[file] {
			all = append(all, f.dispatch(f.funcs[name], mutants)...)
		}
		slices.SortFunc(all, func(a, b splice) int { return b.from - a.from })
		text := f.text
		for _, s := range all {
			text = text[:s.from] + s.text + text[s.to:]
		}
		if err := write(file, text+copies[file]); err != nil {
			return nil, err
		}
	}
	return replace, write("mutant_switch.go", mutantSwitch)
}

// dispatch makes a function ask which mutant of it is wanted.
func (f *goFile) dispatch(d *ast.FuncDecl, mutants []int) []splice {
	all, args := f.named(d.Type.Params, "p")
	call := d.Name.Name
	if d.Recv != nil {
		names, recv := f.named(d.Recv, "recv")
		all = append(all, names...)
		call = recv[0] + "." + call
	}
	slices.Sort(mutants)
	var ask string
	for _, i := range mutants {
		do := fmt.Sprintf("%s_m%d(%s)", call, i, strings.Join(args, ", "))
		if d.Type.Results == nil {
			ask += fmt.Sprintf(" if mutantIs == %d { %s; return };", i, do)
		} else {
			ask += fmt.Sprintf(" if mutantIs == %d { return %s };", i, do)
		}
	}
	at := f.at(d.Body.Lbrace) + 1
	return append(all, splice{at, at, ask})
}

func buildMutants(t *testing.T, ms []mutant) (bin string) {
	dir := t.TempDir()
	replace, err := overlayOf(dir, ms)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	bin = filepath.Join(dir, "mutants.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", list, "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return bin
}
