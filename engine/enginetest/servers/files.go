package servers

import (
	"fmt"
	"os"
	"path/filepath"
)

// CacheDir is the folder that `task fetch` fills.
func CacheDir() string {
	if dir := os.Getenv("SLUICE_CACHE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "sluice")
	}
	return filepath.Join(os.Getenv("HOME"), ".cache", "sluice")
}

// Fetched is the folder of one fetched part, like "kafka-4.4.0".
func Fetched(part string) (string, error) {
	dir := filepath.Join(CacheDir(), part)
	if _, err := os.Stat(filepath.Join(dir, ".done")); err != nil {
		return "", fmt.Errorf("%s is not in %s: run `task fetch`", part, CacheDir())
	}
	return dir, nil
}

// prepared returns a folder of the cache that build fills once. Test binaries
// may build it at the same time: the first to finish wins, all see a whole one.
func prepared(name string, build func(dir string) error) (string, error) {
	final := filepath.Join(CacheDir(), name)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	tmp, err := newDir()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := build(tmp); err != nil {
		return "", fmt.Errorf("prepare %s: %w", name, err)
	}
	// Beside its final place first: a rename does not cross file systems.
	near, err := os.MkdirTemp(CacheDir(), ".data.")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(near)
	if err := os.CopyFS(filepath.Join(near, "it"), os.DirFS(tmp)); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(near, "it"), final); err != nil {
		if _, err := os.Stat(final); err != nil {
			return "", err
		}
	}
	return final, nil
}
