package servers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

var (
	sharedMu sync.Mutex
	closers  []func()
)

// once starts a server at the first call and keeps it, or its error.
func once[T interface{ Close() }](start func() (T, error)) func() (T, error) {
	return sync.OnceValues(func() (T, error) {
		s, err := start()
		if err == nil {
			sharedMu.Lock()
			closers = append(closers, s.Close)
			sharedMu.Unlock()
		}
		return s, err
	})
}

// sharedMySQL are the servers that SharedMySQL starts.
var sharedMySQL = map[Kind]func() (*MySQL, error){
	MySQL80:     once(func() (*MySQL, error) { return givenMySQL(MySQL80, "SLUICE_TEST_MYSQL") }),
	MariaDB1011: once(func() (*MySQL, error) { return givenMySQL(MariaDB1011, "SLUICE_TEST_MARIADB") }),
	MySQL97:     once(func() (*MySQL, error) { return LaunchMySQL(MySQL97) }),
	MySQL56:     once(func() (*MySQL, error) { return LaunchMySQL(MySQL56) }),
	MariaDB114:  once(func() (*MySQL, error) { return LaunchMySQL(MariaDB114) }),
	MariaDB118:  once(func() (*MySQL, error) { return LaunchMySQL(MariaDB118) }),
}

var (
	sharedKafka = once(func() (*Kafka, error) {
		if addr := os.Getenv("SLUICE_TEST_KAFKA"); addr != "" {
			return &Kafka{Plain: addr}, nil
		}
		return LaunchKafka()
	})
)

// SharedMySQL is one server for all tests of the binary, with default options.
func SharedMySQL(t testing.TB, kind Kind) *MySQL {
	t.Helper()
	m, err := sharedMySQL[kind]()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// SharedKafka is one broker for all tests of the binary.
func SharedKafka(t testing.TB) *Kafka {
	t.Helper()
	k, err := sharedKafka()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Main is for TestMain of a package that uses shared servers:
//
//	func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }
func Main(m *testing.M) int {
	flag.Parse()
	watch()
	code := m.Run()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	for _, stop := range closers {
		stop()
	}
	return code
}

// givenMySQL uses the server that the environment names as root:password@host:port, or starts one.
func givenMySQL(kind Kind, env string) (*MySQL, error) {
	given := os.Getenv(env)
	if given == "" {
		return LaunchMySQL(kind)
	}
	at := strings.LastIndexByte(given, '@')
	user, pass, ok := strings.Cut(given[:max(at, 0)], ":")
	if !ok {
		return nil, fmt.Errorf("%s must be user:password@host:port", env)
	}
	m := &MySQL{Kind: kind, Addr: given[at+1:], RootUser: user, RootPassword: pass, Account: account, Password: password}
	c, err := m.connect("")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", env, err)
	}
	defer c.Close()
	for _, sql := range []string{
		strings.Replace(accountsSQL[2], "CREATE USER", "CREATE USER IF NOT EXISTS", 1),
		accountsSQL[3],
	} {
		if _, err := c.Execute(sql); err != nil {
			return nil, fmt.Errorf("%s: %w", env, err)
		}
	}
	return m, nil
}
