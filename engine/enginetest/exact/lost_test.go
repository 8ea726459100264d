package exact

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os/exec"
	"sync/atomic"
	"testing"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
)

// loser stands before a broker and loses a Produce request now and then with its connection: sometimes on the way to
// the broker, sometimes the answer alone, when the broker has written what was asked.
type loser struct {
	upstream     string
	lone, shared losses // of requests for one partition, and for several
}

type losses struct {
	seen              atomic.Int64
	requests, answers atomic.Int64 // lost
}

const (
	oneIn    = 4 // Produce requests
	mostLost = 2 // of each kind: each costs a wait
)

func (l *loser) listen(t *testing.T, addr string) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go l.serve(c)
		}
	}()
}

// serve passes one request and its answer at a time, in turn, as a broker does.
func (l *loser) serve(client net.Conn) {
	defer client.Close()
	broker, err := net.Dial("tcp", l.upstream)
	if err != nil {
		return
	}
	defer broker.Close()
	for {
		request, err := frame(client)
		if err != nil || len(request) < 6 {
			return
		}
		of, turn := &l.lone, int64(0)
		if binary.BigEndian.Uint16(request[4:]) == 0 {
			if partitions(request) > 1 {
				of = &l.shared
			}
			turn = of.seen.Add(1) % (2 * oneIn)
		}
		if turn == oneIn/2 && of.requests.Add(1) <= mostLost {
			broker.Write(request[:len(request)/2])
			return
		}
		if _, err := broker.Write(request); err != nil {
			return
		}
		answer, err := frame(broker)
		if err != nil || turn == oneIn+oneIn/2 && of.answers.Add(1) <= mostLost {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// partitions counts those of a Produce request of version 2 for one topic.
func partitions(request []byte) uint32 {
	at := 4 + 2 + 2 + 4 // size, key, version, correlation
	at += 2 + int(binary.BigEndian.Uint16(request[at:]))
	at += 2 + 4 + 4 // acks, time, topics
	at += 2 + int(binary.BigEndian.Uint16(request[at:]))
	return binary.BigEndian.Uint32(request[at:])
}

// frame reads one message with the length before it.
func frame(r io.Reader) ([]byte, error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(r, size); err != nil {
		return nil, err
	}
	b := append(size, make([]byte, binary.BigEndian.Uint32(size))...)
	_, err := io.ReadFull(r, b[4:])
	return b, err
}

// TestLostAnswers has Kafka 0.10 lose requests and answers: what was not written is sent again, what was is not, and
// the counters say so. Then the topic's other readers read it.
func TestLostAnswers(t *testing.T) {
	l := &loser{upstream: servers.FreeAddress(t)}
	front := servers.FreeAddress(t)
	l.listen(t, front)
	k := servers.StartOldKafka(t, servers.Kafka010, servers.KafkaListen(l.upstream), servers.KafkaAdvertise(front))
	s := shape{name: "lost-answers", kind: servers.MySQL80, options: wideMySQL, partitions: 40, policy: "key", plain: &plainShape{before: func(int) {}}}
	bin := driver.Binary(t)
	report := exercise(t, bin, k, s, "lost", nil)
	t.Log(report)
	for what, of := range map[string]*losses{"one partition": &l.lone, "several": &l.shared} {
		requests, answers := min(of.requests.Load(), mostLost), min(of.answers.Load(), mostLost)
		t.Logf("of %d requests for %s %d were lost and %d answers", of.seen.Load(), what, requests, answers)
		if requests == 0 || answers == 0 {
			t.Error("nothing was lost")
		}
	}
	t.Logf("%d messages were sent again", s.plain.last.Resent)
	if !report.OK() || !s.plain.last.Plain || s.plain.last.Resent == 0 || s.plain.last.Doubled > 0 {
		t.Errorf("the last progress says %+v", s.plain.last)
	}
	readOld(t, bin, k.Plain, "lost")
}

// readOld reads the beginning of an old broker's topic by `sluice decode` and by the two independent readers.
func readOld(t *testing.T, bin, addr, topic string) {
	const n = 1000
	var values [][]byte
	if err := oracle.EachValue(t.Context(), []string{addr}, []string{topic}, func(v []byte) {
		if len(values) < n {
			values = append(values, append([]byte(nil), v...))
		}
	}); err != nil {
		t.Fatal(err)
	}
	read := readers.Agree(t, values)
	t.Logf("%d messages read by both readers", len(read))
	cmd := exec.Command(bin, "decode", "--brokers", addr, "--topic", topic)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for d := json.NewDecoder(out); ; lines++ {
		var line struct {
			Error string `json:"error"`
		}
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil || line.Error != "" {
			t.Fatalf("line %d: %v %s", lines+1, err, line.Error)
		}
	}
	if err := cmd.Wait(); err != nil || lines < n {
		t.Errorf("decode printed %d lines: %v", lines, err)
	}
	t.Logf("%d lines decoded", lines)
}
