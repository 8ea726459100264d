package demo

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/cmd/sluice/demo/mariadb"
	"sluice/cmd/sluice/demo/shop"
	"sluice/engine/task"
)

// source is where the shop is: a server of the demo's own, or one of the user's.
type source struct {
	label   string
	address string // of a server of the user's; empty for the demo's own
	host    string
	port    int
	account string
	connect func(db string) (*client.Conn, error)
	server  *mariadb.Server // nil for a server of the user's
}

// ParseSource reads USER:PASSWORD@HOST:PORT.
func ParseSource(text string) (user, password, host string, port int, err error) {
	at := strings.LastIndexByte(text, '@')
	user, password, ok := strings.Cut(text[:max(at, 0)], ":")
	host, digits, herr := net.SplitHostPort(text[at+1:])
	port, perr := strconv.Atoi(digits)
	if !ok || user == "" || host == "" || herr != nil || perr != nil || port < 1 || port > 65535 {
		return "", "", "", 0, fmt.Errorf("a source is USER:PASSWORD@HOST:PORT")
	}
	return user, password, host, port, nil
}

// given is a server of the user's.
func given(text string) (*source, error) {
	user, password, host, port, err := ParseSource(text)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	s := &source{label: "the source " + address, address: address, host: host, port: port, account: "sluice_demo"}
	s.connect = func(db string) (*client.Conn, error) {
		return client.ConnectWithTimeout(address, user, password, db, 10*time.Second)
	}
	c, err := s.connect("")
	if err != nil {
		return nil, &task.Error{Code: "demo.source", Text: fmt.Sprintf("The server %s cannot be used", address), Err: err,
			Hint: "The user must sign in with this password, and may create a database and an account."}
	}
	return s, c.Close()
}

// own starts the demo's own server.
func own(ctx context.Context, f *Folder, o Options) (*source, error) {
	fetched, begin := map[string]int64{}, time.Now()
	finder := mariadb.Finder{
		Cache: o.Cache,
		Skip:  func(err error) { o.Say("Passed over: %v", err) },
		Tell: func(d mariadb.Download) {
			fetched[d.What] = d.Done
			o.Progress(downloading(d))
		},
	}
	find := finder.Find
	if o.find != nil {
		find = o.find
	}
	program, err := find(ctx)
	if err != nil {
		return nil, &task.Error{Code: "demo.no_mariadb", Text: "There is no MariaDB to use, and none could be fetched", Err: err,
			Hint: "Install one (sudo apt-get install mariadb-server-core), or name a server of yours: --source USER:PASSWORD@HOST:PORT"}
	}
	if n := fetched["packages"]; n > 0 {
		o.Say("Fetched MariaDB %s, %.1f MB of packages, in %.1f s. It is kept in %s.", program.Version, float64(n)/1e6, time.Since(begin).Seconds(), o.Cache)
	}
	port, err := port("MariaDB", &f.state.SourcePort, usualSource, o.Say)
	if err != nil {
		return nil, err
	}
	server, err := program.Start(ctx, f.path("mariadb"), port, f.state.RootPassword)
	if err != nil {
		return nil, err
	}
	return &source{label: "MariaDB " + program.Version, host: "127.0.0.1", port: port, account: "sluice", connect: server.Connect, server: server}, nil
}

func downloading(d mariadb.Download) string {
	if d.Total == 0 {
		return fmt.Sprintf("Fetching the %s of Debian packages: %.1f MB", d.What, float64(d.Done)/1e6)
	}
	return fmt.Sprintf("Fetching MariaDB as Debian %s: %.1f of %.1f MB", d.What, float64(d.Done)/1e6, float64(d.Total)/1e6)
}

// furnish makes the account and the shop where they are not there.
func (s *source) furnish(f *Folder, o Options) error {
	p, err := f.place(s.address)
	if err != nil {
		return err
	}
	c, err := s.connect("")
	if err != nil {
		return err
	}
	defer c.Close()
	there, err := shop.Exists(c)
	if err != nil {
		return err
	}
	if there && !p.Made {
		return &task.Error{Code: "demo.database_exists", Text: fmt.Sprintf("%s has a database named %s already, and it is not the demo's.", s.label, shop.Database),
			Hint: "The demo leaves it alone. Name another server."}
	}
	if there && p.Seeded {
		return nil
	}
	p.Made, p.Seeded = true, false
	if err := f.save(); err != nil {
		return err
	}
	if err := s.seed(c, p, o); err != nil {
		return err
	}
	p.Seeded = true
	return f.save()
}

func (s *source) seed(c *client.Conn, p *place, o Options) error {
	begin := time.Now()
	if err := shop.Drop(c); err != nil { // the rest of a start that was broken off
		return err
	}
	if err := shop.Account(c, s.account, p.Password); err != nil {
		return err
	}
	rows := 0
	err := shop.Seed(c, func(n int) {
		rows = n
		o.Progress(fmt.Sprintf("Making the shop: %d rows", n))
	})
	if err != nil {
		return err
	}
	o.Say("Made the database %s with %d rows in %.1f s.", shop.Database, rows, time.Since(begin).Seconds())
	return nil
}
