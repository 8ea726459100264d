package faults

import (
	"strings"
	"time"
)

// kind is one kind of fault. play injects one, sees that it took effect and heals it; it gives the moment of the
// healing and what exactly was done.
type kind struct {
	name  string
	title string
	// how often it occurs in a deck of the long form and of the short one
	long, short int
	play        func(w *world) (healed time.Time, detail string)
	fits        func(w *world) bool // nil: always
}

var kinds = []kind{
	{"kill.point", "Sluice killed (`kill -9`) at a named point", 6, 11, killPoint, nil},
	{"kill.random", "Sluice killed (`kill -9`) at a random moment", 4, 6, killRandom, nil},
	{"stop", "Sluice stopped (SIGTERM)", 2, 3, stopInOrder, nil},
	{"stop.alone", "Sluice stopped (SIGTERM) while a server is silent", 1, 1, stopAlone, nil},
	{"pause", "Sluice's process frozen and let go on", 1, 1, pauseProcess, nil},
	{"sleep", "Sluice's process frozen for longer than its lease lasts", 1, 0, sleepProcess, nil},
	{"takeover", "Frozen, thought dead, taken over on a copy, and writing on", 1, 0, takeOver, fences},
	{"source.kill", "source killed (`kill -9`) and started again", 3, 1, killSource, nil},
	{"source.freeze", "source frozen (half-open connections)", 1, 0, freezeSource, nil},
	{"source.rotate", "binlog rotated", 1, 1, rotate, nil},
	{"source.password", "password changed, and changed back", 1, 1, changePassword, nil},
	{"source.privilege", "privilege revoked, and granted again", 1, 1, revoke, nil},
	{"source.reset", "connections to the source reset", 2, 2, netReset(toSource), nil},
	{"source.refuse", "source unreachable", 1, 1, netRefuse(toSource), nil},
	{"source.silence", "source silent (packets vanish)", 2, 1, netSilence(toSource), nil},
	{"source.latency", "source slow to answer", 1, 1, netLatency(toSource), nil},
	{"source.narrow", "line to the source narrow", 1, 1, netNarrow(toSource), nil},
	{"source.broken", "answers of the source cut in the middle", 2, 1, netBroken(toSource), nil},
	{"broker.kill", "broker killed (`kill -9`) and started again", 2, 1, killBroker, alone},
	{"broker.leader", "partition's leader of three brokers killed: goes on without it", 4, 0, killLeader, cluster},
	{"broker.freeze", "broker frozen (half-open connections)", 2, 1, freezeBroker, nil},
	{"broker.reset", "connections to the broker reset", 2, 2, netReset(toBroker), nil},
	{"broker.refuse", "broker unreachable", 1, 1, netRefuse(toBroker), nil},
	{"broker.silence", "broker silent (packets vanish)", 2, 1, netSilence(toBroker), nil},
	{"broker.latency", "broker slow to answer", 1, 1, netLatency(toBroker), nil},
	{"broker.narrow", "line to the broker narrow", 1, 1, netNarrow(toBroker), nil},
	{"broker.broken", "answers of the broker cut in the middle", 2, 1, netBroken(toBroker), nil},
	{"folder.full", "disk of the data folder full", 2, 1, fillDisk, func(w *world) bool { return w.mounted }},
	{"folder.locked", "database of the data folder locked by another process", 2, 1, lockDatabase, nil},
}

func alone(w *world) bool   { return len(w.brokers) == 1 }
func cluster(w *world) bool { return len(w.brokers) > 1 }

// Without producer ids nothing keeps two processes apart that both go on: docs/guarantees.md promises nothing there.
func fences(w *world) bool { return !w.plain }

// schedule draws n faults: decks of all kinds that fit, each shuffled. n is 0 for one whole deck.
func (w *world) schedule(n int) (out []*kind) {
	for len(out) < max(n, 1) {
		var deck []*kind
		for i := range kinds {
			k := &kinds[i]
			times := k.long
			if w.short {
				times = k.short
			}
			if *only != "" {
				times = strings.Count(","+*only+",", ","+k.name+",")
			}
			for range times {
				if k.fits == nil || k.fits(w) {
					deck = append(deck, k)
				}
			}
		}
		w.g.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		out = append(out, deck...)
	}
	if n == 0 {
		return out
	}
	return out[:n]
}
