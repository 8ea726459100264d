package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/engine/task"
)

const (
	probedDrafts = 32               // whose findings are kept at most
	listedFor    = 10 * time.Minute // after which lists of the source are read anew
)

// probes keeps what was found of the two sides of drafts, so that a page that is loaded again does not ask again.
// A finding counts for the very settings that it was made with.
type probes struct {
	now func() time.Time

	mu     sync.Mutex
	drafts map[string]*probe
	order  []string // of drafts, the one used last at the end
}

func newProbes(now func() time.Time) *probes { return &probes{now: now, drafts: map[string]*probe{}} }

// probe is what is known of the sides of one draft.
type probe struct {
	source, target tried
	topics         topicList
	catalogue      *catalogue
}

// sum stands for the settings of a side, its password included.
type sum [sha256.Size]byte

func sumOf(side any, secret task.Secret) sum {
	text, _ := json.Marshal(side) // plain data
	return sha256.Sum256(append(append(text, 0), secret.Reveal()...))
}

func sourceSum(s task.Source) sum { return sumOf(s, s.Password) }

// targetSum leaves out what does not lead to the cluster.
func targetSum(t task.Target) sum {
	t.Topic, t.Partitions, t.Replication, t.Compression = "", 0, 0, ""
	return sumOf(t, t.Password)
}

// tried is the outcome of one try of a side.
type tried struct {
	of    sum
	at    time.Time
	reach task.Reach
}

// topicList is what a cluster has, or why that is not known.
type topicList struct {
	of   sum
	at   time.Time
	list []Topic
	err  error
}

// do lets change see the findings of a draft.
func (s *probes) do(draft string, change func(*probe)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pr := s.drafts[draft]
	if pr == nil {
		pr = &probe{}
		s.drafts[draft] = pr
	}
	s.order = append(slices.DeleteFunc(s.order, func(id string) bool { return id == draft }), draft)
	if len(s.order) > probedDrafts {
		delete(s.drafts, s.order[0])
		s.order = s.order[1:]
	}
	change(pr)
}

// found gives what is known of the sides as they are set now; what is not has no time.
func (s *probes) found(draft string, spec *task.Spec) (source, target tried, topics topicList) {
	s.do(draft, func(pr *probe) {
		if pr.source.of == sourceSum(spec.Source) {
			source = pr.source
		}
		if of := targetSum(spec.Target); pr.target.of == of {
			target = pr.target
		}
		if of := targetSum(spec.Target); pr.topics.of == of {
			topics = pr.topics
		}
	})
	return source, target, topics
}

// trySource and tryTarget test a side and keep the outcome.
func (h *Handlers) trySource(ctx context.Context, draft string, s task.Source) tried {
	t := tried{of: sourceSum(s), reach: h.Prober.Source(ctx, s), at: h.Now()}
	h.probes.do(draft, func(pr *probe) { pr.source = t })
	return t
}

func (h *Handlers) tryTarget(ctx context.Context, draft string, target task.Target) tried {
	t := tried{of: targetSum(target), reach: h.Prober.Target(ctx, target), at: h.Now()}
	h.probes.do(draft, func(pr *probe) { pr.target = t })
	return t
}

func (h *Handlers) fetchTopics(ctx context.Context, draft string, target task.Target) {
	t := topicList{of: targetSum(target)}
	t.list, t.err = h.Prober.Topics(ctx, target)
	t.at = h.Now()
	h.probes.do(draft, func(pr *probe) { pr.topics = t })
}

// catalogue is what the source of a draft holds, read as far as somebody has looked.
type catalogue struct {
	of     sum
	prober Prober
	source task.Source

	mu        sync.Mutex
	at        time.Time // of the oldest of what follows
	now       func() time.Time
	databases []string
	tables    map[string][]SourceTable
	whole     bool // tables holds those of every database
}

// catalogue gives that of a draft; anew drops what is known.
func (h *Handlers) catalogue(draft string, s task.Source, anew bool) (c *catalogue) {
	of := sourceSum(s)
	h.probes.do(draft, func(pr *probe) {
		if pr.catalogue == nil || pr.catalogue.of != of || anew {
			pr.catalogue = &catalogue{of: of, prober: h.Prober, source: s, now: h.Now, tables: map[string][]SourceTable{}}
		}
		c = pr.catalogue
	})
	return c
}

// lock holds the catalogue and drops what is too old.
func (c *catalogue) lock() (unlock func()) {
	c.mu.Lock()
	if now := c.now(); now.Sub(c.at) > listedFor {
		c.at, c.databases, c.whole = now, nil, false
		clear(c.tables)
	}
	return c.mu.Unlock
}

// Databases lists them by name.
func (c *catalogue) Databases(ctx context.Context) ([]string, error) {
	defer c.lock()()
	if c.databases == nil {
		found, err := c.prober.Databases(ctx, c.source)
		if err != nil {
			return nil, err
		}
		c.databases = append([]string{}, found...)
	}
	return c.databases, nil
}

// Tables lists those of one database.
func (c *catalogue) Tables(ctx context.Context, database string) ([]SourceTable, error) {
	defer c.lock()()
	list, known := c.tables[database]
	if known || c.whole {
		return list, nil
	}
	list, err := c.prober.Tables(ctx, c.source, database)
	if err == nil {
		c.tables[database] = list
	}
	return list, err
}

// Search lists the tables whose name, or whose database.name, holds the words; an empty database is all.
func (c *catalogue) Search(ctx context.Context, database, words string) ([]SourceTable, error) {
	lists, err := c.lists(ctx, database)
	if err != nil {
		return nil, err
	}
	words = strings.ToLower(strings.TrimSpace(words))
	var out []SourceTable
	for _, list := range lists {
		for _, t := range list {
			if words == "" || strings.Contains(strings.ToLower(t.Name), words) || strings.Contains(strings.ToLower(t.Database+"."+t.Name), words) {
				out = append(out, t)
			}
		}
	}
	return out, nil
}

func (c *catalogue) lists(ctx context.Context, database string) ([][]SourceTable, error) {
	if database != "" {
		list, err := c.Tables(ctx, database)
		return [][]SourceTable{list}, err
	}
	names, err := c.Databases(ctx)
	if err != nil {
		return nil, err
	}
	defer c.lock()()
	if !c.whole {
		all, err := c.prober.Tables(ctx, c.source, "")
		if err != nil {
			return nil, err
		}
		clear(c.tables)
		for _, t := range all {
			c.tables[t.Database] = append(c.tables[t.Database], t)
		}
		c.whole = true
	}
	out := make([][]SourceTable, len(names))
	for i, name := range names {
		out[i] = c.tables[name]
	}
	return out, nil
}
