package demo

import (
	"fmt"
	"net"
	"strconv"
)

// FreePort gives the port, or the next one on the host that no program listens on.
func FreePort(host string, port int) (int, error) {
	var err error
	for p := port; p < port+200 && p < 1<<16; p++ {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(p))); err == nil {
			return p, l.Close()
		}
	}
	return 0, fmt.Errorf("there is no free port from %d on: %w", port, err)
}

// port takes the one of the last start, as tasks know it; else the usual one or the next that is free.
func port(what string, last *int, usual int, say func(string, ...any)) (int, error) {
	wanted := usual
	if *last != 0 {
		wanted = *last
	}
	got, err := FreePort("127.0.0.1", wanted)
	if err != nil || got == wanted {
		*last = got
		return got, err
	}
	say("Port %d is taken by another program: the %s is on %d.", wanted, what, got)
	if *last != 0 {
		say("Tasks made before ask for port %d; they go on when it is free again and the demo is started anew.", wanted)
		return got, nil // remembered stays what tasks know
	}
	*last = got
	return got, nil
}
