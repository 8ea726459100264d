// Command up starts test servers for work by hand and stops them on Ctrl-C.
//
//	go run ./engine/enginetest/servers/up [mysql|mysql97|mariadb|kafka ...]
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"sluice/engine/enginetest/servers"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	names := os.Args[1:]
	if len(names) == 0 {
		names = []string{"mysql", "mariadb", "kafka"}
	}
	var closers []func()
	code := 0
	for _, name := range names {
		closer, err := up(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
			break
		}
		closers = append(closers, closer)
	}
	if code == 0 {
		fmt.Println("Ctrl-C stops them and removes their data.")
		<-stop
	}
	for _, c := range closers {
		c()
	}
	os.Exit(code)
}

func up(name string) (func(), error) {
	switch name {
	case "mysql", "mysql97", "mariadb":
		kinds := map[string]servers.Kind{"mysql": servers.MySQL80, "mysql97": servers.MySQL97, "mariadb": servers.MariaDB1011}
		m, err := servers.LaunchMySQL(kinds[name])
		if err != nil {
			return nil, err
		}
		fmt.Printf("%s  %s  %s/%s  account %s/%s  data %s\n", m.Kind, m.Addr, m.RootUser, m.RootPassword, m.Account, m.Password, m.Dir)
		return m.Close, nil
	case "kafka":
		k, err := servers.LaunchKafka()
		if err != nil {
			return nil, err
		}
		fmt.Printf("kafka  PLAINTEXT %s  SASL_PLAINTEXT %s  SASL_SSL %s  SSL %s  %s/%s  CA %s\n", k.Plain, k.SASL, k.SASLSSL, k.SSL, k.User, k.Password, k.CAFile)
		return k.Close, nil
	}
	return nil, fmt.Errorf("unknown server %q: mysql, mysql97, mariadb or kafka", name)
}
