package demo

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/engine/task"
)

const (
	stateFile = "demo.json"
	// Console is the part of the folder that the console's store has.
	Console = "console"
)

// parts are what a folder of the demo holds beside its state.
var parts = []string{"mariadb", "kafka", Console}

// Folder is the demo's folder with what it remembers.
type Folder struct {
	Dir string

	state state
}

type state struct {
	SourcePort   int               `json:"source_port"`
	BrokerPort   int               `json:"broker_port"`
	RootPassword string            `json:"root_password"`
	Places       map[string]*place `json:"places"` // by address; "" is the MariaDB of the demo
}

// place is a server that the shop was made on.
type place struct {
	Password string `json:"password"` // of the account
	Made     bool   `json:"made"`     // the database is the demo's
	Seeded   bool   `json:"seeded"`   // with all rows
	Drafted  bool   `json:"drafted"`  // a task was prepared
}

// OpenFolder reads a folder, or begins a new one where there is none or an empty one.
func OpenFolder(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir}
	text, err := os.ReadFile(f.path(stateFile))
	if err == nil {
		if err := json.Unmarshal(text, &f.state); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.path(stateFile), err)
		}
		return f, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	others, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(others) > 0 {
		return nil, &task.Error{Code: "demo.folder", Text: fmt.Sprintf("The folder %s holds something else than a demo.", dir), Hint: "Name a new folder with --data."}
	}
	f.state = state{RootPassword: rand.Text(), Places: map[string]*place{}}
	return f, f.save()
}

// Reset removes all that the folder holds. Databases on servers of the user's are made anew when they are used again.
func (f *Folder) Reset() error {
	old := f.state.Places
	f.state = state{RootPassword: rand.Text(), Places: map[string]*place{}}
	for address, p := range old {
		if address != "" {
			f.state.Places[address] = &place{Password: p.Password, Made: p.Made}
		}
	}
	if err := f.save(); err != nil {
		return err
	}
	for _, part := range parts {
		if err := os.RemoveAll(f.path(part)); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) path(part string) string { return filepath.Join(f.Dir, part) }

// ConsoleDir is where the console keeps its tasks.
func (f *Folder) ConsoleDir() string { return f.path(Console) }

// save never leaves half a file.
func (f *Folder) save() error {
	text, err := json.MarshalIndent(f.state, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.path(stateFile+".new"), append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(f.path(stateFile+".new"), f.path(stateFile))
}

// place gives what is remembered of a server.
func (f *Folder) place(address string) (*place, error) {
	if p := f.state.Places[address]; p != nil {
		return p, nil
	}
	p := &place{Password: rand.Text()[:16]}
	f.state.Places[address] = p
	return p, f.save()
}
