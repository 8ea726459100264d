package mariadb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Download is how far the fetching of packages is.
type Download struct {
	What        string // "lists" or "packages"
	Done, Total int64  // bytes; Total is 0 where it is not known
}

// serverPackages are the names of the server in the releases of Debian and Ubuntu, the newest first.
var serverPackages = []string{"mariadb-server-core", "mariadb-server-core-10.6", "mariadb-server-core-10.5"}

// unpack fetches the server with the libraries that this machine lacks. It becomes visible only when it is whole.
func (f Finder) unpack(ctx context.Context) (*Program, error) {
	newApt := f.apt
	if newApt == nil {
		newApt = machineApt
	}
	a, err := newApt()
	if err != nil {
		return nil, &Missing{err}
	}
	if a.tell = f.Tell; a.tell == nil {
		a.tell = func(Download) {}
	}
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(f.Cache, ".fetching-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	root, final := filepath.Join(tmp, "root"), filepath.Join(f.Cache, "mariadb-packages")
	if err := a.unpack(ctx, tmp, root); err != nil {
		return nil, &Missing{err}
	}
	if _, err := probe(ctx, filepath.Join(root, "usr/sbin/mariadbd"), root); err != nil {
		return nil, &Missing{err}
	}
	if err := os.WriteFile(filepath.Join(root, ".done"), nil, 0o644); err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(root, 0o755), os.RemoveAll(final), os.Rename(root, final)); err != nil {
		return nil, err
	}
	return probe(ctx, filepath.Join(final, "usr/sbin/mariadbd"), final)
}

// apt is the package tool of the machine, used without root and without changing anything of the machine.
type apt struct {
	get, deb string
	options  []string
	tell     func(Download)
}

func machineApt() (*apt, error) {
	get, err := exec.LookPath("apt-get")
	if err != nil {
		return nil, errors.New("it is no Debian or Ubuntu either (there is no apt-get)")
	}
	deb, err := exec.LookPath("dpkg-deb")
	if err != nil {
		return nil, errors.New("there is no dpkg-deb to unpack packages with")
	}
	return &apt{get: get, deb: deb}, nil
}

// unpack brings the packages into tmp and their files into root.
func (a *apt) unpack(ctx context.Context, tmp, root string) error {
	debs := filepath.Join(tmp, "debs")
	if err := os.Mkdir(debs, 0o755); err != nil {
		return err
	}
	// The lists of the machine may be missing, or so old that the packages have been replaced by newer ones.
	err := a.download(ctx, debs)
	if err != nil {
		if uerr := a.ownLists(ctx, tmp); uerr != nil {
			return errors.Join(err, uerr)
		}
		if err := a.download(ctx, debs); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if out, err := output(exec.CommandContext(ctx, a.deb, "-x", file, root)); err != nil {
			return fmt.Errorf("unpacking %s: %w: %s", filepath.Base(file), err, lastLines(out, 3))
		}
	}
	return nil
}

// ownLists fetches the package lists of the machine's sources into a folder of ours.
func (a *apt) ownLists(ctx context.Context, tmp string) error {
	lists, cache := filepath.Join(tmp, "lists"), filepath.Join(tmp, "cache")
	if err := errors.Join(os.MkdirAll(filepath.Join(lists, "partial"), 0o755), os.MkdirAll(filepath.Join(cache, "archives/partial"), 0o755)); err != nil {
		return err
	}
	a.options = append(a.options, "-o", "Dir::State::Lists="+lists, "-o", "Dir::Cache="+cache)
	done := a.watch("lists", lists, 0)
	out, err := output(a.command(ctx, "update", "-q"))
	done()
	if err != nil {
		return fmt.Errorf("fetching package lists: %w: %s", err, lastLines(out, 3))
	}
	return nil
}

// archive is a package to be fetched.
type archive struct {
	spec string // name=version
	size int64
}

var uriForm = regexp.MustCompile(`^'[^']*' ([^ _]+)_([^ _]+)_[^ ]+\.deb (\d+)`)

// needed asks apt which packages an installation would bring to this machine.
func (a *apt) needed(ctx context.Context) ([]archive, error) {
	var errs []error
	for _, name := range serverPackages {
		out, err := output(a.command(ctx, "install", "--print-uris", "-qq", "-y", "--no-install-recommends", "--reinstall", name))
		if err != nil {
			errs = append(errs, fmt.Errorf("asking for package %s: %w: %s", name, err, lastLines(out, 2)))
			continue
		}
		return parseURIs(string(out))
	}
	return nil, errs[0]
}

func parseURIs(text string) ([]archive, error) {
	var out []archive
	for line := range strings.Lines(text) {
		m := uriForm.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		version, err := url.PathUnescape(m[2])
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseInt(m[3], 10, 64)
		if err != nil {
			return nil, err
		}
		out = append(out, archive{m[1] + "=" + version, size})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("apt-get names no package to fetch: %s", lastLines([]byte(text), 2))
	}
	return out, nil
}

// download lets apt fetch and verify what is needed.
func (a *apt) download(ctx context.Context, dir string) error {
	archives, err := a.needed(ctx)
	if err != nil {
		return err
	}
	args, total := []string{"download", "-q"}, int64(0)
	for _, p := range archives {
		args, total = append(args, p.spec), total+p.size
	}
	cmd := a.command(ctx, args...)
	cmd.Dir = dir
	done := a.watch("packages", dir, total)
	out, err := output(cmd)
	done()
	if err != nil {
		return fmt.Errorf("fetching packages: %w: %s", err, lastLines(out, 3))
	}
	return nil
}

func (a *apt) command(ctx context.Context, args ...string) *exec.Cmd {
	options := a.options
	if u, err := user.Current(); err == nil { // another user could not write into our folders
		options = append([]string{"-o", "APT::Sandbox::User=" + u.Username}, options...)
	}
	cmd := exec.CommandContext(ctx, a.get, append(options, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	return cmd
}

// watch tells how much has arrived in a folder until done is called.
func (a *apt) watch(what, dir string, total int64) (done func()) {
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				a.tell(Download{what, size(dir), total})
				return
			case <-tick.C:
				a.tell(Download{what, size(dir), total})
			}
		}
	}()
	return func() { close(stop); <-over }
}

func size(dir string) int64 {
	n := int64(0)
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a file may go while it is looked at
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
