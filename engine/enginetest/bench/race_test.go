package bench

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
)

var (
	runs   = flag.Int("bench.runs", 0, "turns of each contest, with peers and a million rows; 0: one turn of Sluice alone, with few")
	many   = flag.Int("bench.rows", 1_000_000, "rows of the table, where there are turns")
	tables = flag.Int("bench.tables", 10_000, "tables of TestScale/tables, where there are turns")
	only   = flag.String("bench.only", "", "contests, with commas: "+strings.Join(contests, ", "))
	peers  = flag.String("bench.peers", "Debezium,Maxwell", "peers, with commas")
	out    = flag.String("bench.out", "", "folder for the results as JSON")
)

// warmups are copies that are not counted: what the servers have to load and to compile at first is nobody's. A broker
// takes less for a row from one to the next of the first dozen.
const warmups = 16

var contests = []string{"copy-1", "copy-6", "orders-1", "backlog-1", "backlog-6", "rate-1000", "rate-20000"}

// producedOf are the contests whose bytes a producer writes alone, each with its table.
var producedOf = map[string]string{"copy-1": "sbtest1", "orders-1": "orders", "backlog-1": followed}

// outcome is one turn of one contestant; times are those of its process alone where nothing else is said.
type outcome struct {
	Contest, Contestant string
	Turn                int
	Rows                int64
	Seconds             float64 // from the first record to the last
	Start               float64 // seconds from the process's start to its first record
	RowsPerSecond       float64
	CPUMicros           float64 // a row, from the first record on
	CPUAll              float64 // a row, its start included
	SourceMicros        float64 // a row, of the source
	BrokerMicros        float64 // a row, of the broker
	PeakMB, IdleMB      float64
	P50, P99            float64 // milliseconds from commit to a consumer's hand
	Foreign             float64 // share of the machine that others had meanwhile
}

// race is all turns of one run.
type race struct {
	Date, Machine, Command string
	Processors             int
	Versions               map[string]string
	Outcomes               []outcome
}

// TestRace plays the contests, contestants in turns.
func TestRace(t *testing.T) {
	rows, turns := *many, *runs
	field := []contestant{&sluice{bin: build(t)}}
	played := contests
	if turns == 0 {
		rows, turns, played = 20_000, 1, []string{"copy-1", "backlog-1", "rate-1000"}
	} else {
		for _, name := range strings.Split(*peers, ",") {
			switch name {
			case "Debezium":
				field = append(field, &debezium{home: fetched(t, "debezium-3.6.1")})
			case "Maxwell":
				field = append(field, &maxwell{home: fetched(t, "maxwell-1.22.6")})
			}
		}
	}
	w := newWorld(t, rows)
	r := &race{Date: time.Now().UTC().Format("2006-01-02"), Machine: fmt.Sprintf("%d processors, %s", runtime.NumCPU(), processor()), Processors: runtime.NumCPU(),
		Command:  fmt.Sprintf("go test ./engine/enginetest/bench -run TestRace -timeout 5h -bench.runs=%d", *runs),
		Versions: map[string]string{"source": string(w.m.Kind), "broker": "kafka-4.4.0", "Debezium": "3.6.1.Final in Kafka Connect 4.3.1", "Maxwell": "1.22.6 with client 3.9.1", "Go": runtime.Version()}}
	if *runs > 0 {
		for range warmups {
			t.Logf("warming up: %+v", w.play("copy-1", field[0]))
		}
	}
	for turn := range turns {
		for _, contest := range played {
			if *only != "" && !strings.Contains(","+*only+",", ","+contest+",") {
				continue
			}
			for _, c := range order(contest, field, turn) {
				o := w.play(contest, c)
				o.Contest, o.Contestant, o.Turn = contest, c.name(), turn
				t.Logf("%+v", o)
				r.Outcomes = append(r.Outcomes, o)
				r.keep(t)
				if table := producedOf[contest]; table != "" && c == field[0] {
					limit := w.produce("produce-"+contest, c.topic(table), 1)
					limit.Turn = turn
					r.Outcomes = append(r.Outcomes, limit)
				}
			}
		}
		for _, limit := range w.limits() {
			limit.Turn = turn
			t.Logf("%+v", limit)
			r.Outcomes = append(r.Outcomes, limit)
		}
		r.keep(t)
	}
}

// order is who plays a contest, one after the other. Sluice copies before and after each of the others, for a second's copy
// says less than one of half a minute.
func order(contest string, field []contestant, turn int) (all []contestant) {
	if strings.HasPrefix(contest, "copy") || strings.HasPrefix(contest, "orders") {
		all = append(all, field[0])
		for i := range field[1:] {
			all = append(all, field[1+(i+turn)%(len(field)-1)], field[0])
		}
		return all
	}
	for i := range field {
		all = append(all, field[(i+turn)%len(field)])
	}
	return all
}

func (w *world) play(contest string, c contestant) outcome {
	kind, n, _ := strings.Cut(contest, "-")
	var number int
	fmt.Sscan(n, &number)
	switch kind {
	case "copy":
		return w.copy(c, "sbtest1", number)
	case "orders":
		return w.copy(c, "orders", number)
	case "backlog":
		return w.backlog(c, number)
	}
	return w.rate(c, number)
}

// moment is what all processes have used up to now.
type moment struct {
	at                 time.Time
	it, source, broker time.Duration
	whole              time.Duration
}

func (w *world) look(p *process) moment {
	return moment{time.Now(), cpuOf(p.cmd.Process.Pid), cpuOf(w.m.PID()), cpuOf(w.k.PID()), busy()}
}

// between fills in what was used from one moment to the other.
func (o *outcome) between(a, b moment, rows int64) {
	o.Rows, o.Seconds = rows, b.at.Sub(a.at).Seconds()
	micros := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(rows) }
	o.RowsPerSecond = float64(rows) / o.Seconds
	o.CPUMicros, o.CPUAll = micros(b.it-a.it), micros(b.it)
	o.SourceMicros, o.BrokerMicros = micros(b.source-a.source), micros(b.broker-a.broker)
	ours := b.it - a.it + b.source - a.source + b.broker - a.broker
	o.Foreign = float64(b.whole-a.whole-ours) / float64(b.at.Sub(a.at)) / float64(runtime.NumCPU())
}

// copy is the full copy of one table.
func (w *world) copy(c contestant, table string, partitions int) (o outcome) {
	c.prepare(w, table, partitions, true)
	rows := w.number("SELECT COUNT(*) FROM bench." + table)
	topic, beside := c.topic(table), c.beside(partitions, true)
	w.calm()
	p := begin(w.T, c.command())
	c.running(w)
	had := w.reach(p, topic, beside/2+1, 3*time.Minute) - beside/2
	a := w.look(p)
	o.Start = a.at.Sub(p.began).Seconds()
	w.reach(p, topic, rows+beside, 10*time.Minute)
	b := w.look(p)
	o.between(a, b, rows-had)
	o.PeakMB = memoryOf(p.cmd.Process.Pid, "VmHWM")
	if n := w.settle(topic); n != rows+beside {
		w.Errorf("%s: %d records of %d rows, not %d", c.name(), n, rows, rows+beside)
	}
	p.stop(syscall.SIGTERM)
	return o
}

// prime starts a contestant that is to follow from now on, and waits for its first change.
func (w *world) prime(c contestant, partitions int) (p *process, start float64) {
	c.prepare(w, followed, partitions, false)
	topic := c.topic(followed)
	p = begin(w.T, c.command())
	c.running(w)
	w.until(p, 3*time.Minute, func() error {
		if w.count(topic) > c.beside(partitions, false) {
			return nil
		}
		w.m.Exec(w, "INSERT INTO bench."+followed+" (k, c) VALUES (-1, 'prime')")
		return errors.New("no change comes")
	})
	start = time.Since(p.began).Seconds()
	w.settle(topic)
	return p, start
}

// backlog is what was written while the contestant was stopped: ten changes a transaction.
func (w *world) backlog(c contestant, partitions int) (o outcome) {
	transactions := int64(w.rows / 20)
	p, _ := w.prime(c, partitions)
	p.stop(syscall.SIGTERM)
	topic := c.topic(followed)
	base := w.settle(topic)
	w.m.Exec(w, fmt.Sprintf("CALL bench.backlog(%d, %d)", transactions, w.rows*6/10))
	beside, rows := c.beside(partitions, false), transactions*10
	w.calm()
	p = begin(w.T, c.command())
	had := w.reach(p, topic, base+beside+1, 3*time.Minute) - base - beside
	a := w.look(p)
	o.Start = a.at.Sub(p.began).Seconds()
	w.reach(p, topic, base+beside+rows, 20*time.Minute)
	o.between(a, w.look(p), rows-had)
	o.PeakMB = memoryOf(p.cmd.Process.Pid, "VmHWM")
	p.stop(syscall.SIGTERM)
	return o
}

func (w *world) number(sql string) int64 {
	c := w.m.Conn(w, "")
	defer c.Close()
	r, err := c.Execute(sql)
	if err != nil {
		w.Fatal(err)
	}
	n, _ := r.GetInt(0, 0)
	return n
}

func build(t *testing.T, options ...string) string {
	bin := filepath.Join(t.TempDir(), "sluice")
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-o", bin}, options...), "sluice/cmd/sluice")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return bin
}

func fetched(t *testing.T, part string) string {
	dir, err := servers.Fetched(part)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func (r *race) keep(t *testing.T) {
	if *out == "" {
		return
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err == nil {
		err = os.WriteFile(filepath.Join(*out, "race.json"), append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
