package engine

import "strings"

// simConfig is drawn by each seed.
type simConfig struct {
	maria, orderOff, zero, openEnded, slowISR, power, ddl, foreign bool
	textKey, fullMap, schema, full                                 bool
	copies, unclean, ages, failover, loses                         bool
	plain, mixed                                                   bool // no producer ids; only at times
	filtered                                                       bool // the task carries some rows alone
	dead                                                           bool // there is a topic for rows that are too large
	follows                                                        bool // requests are made ready behind the one in flight
	weighed, weighedBoth                                           bool // text keys are in a collation that has weights
	byFile, rowLock, slowCommit                                    bool // without GTID
	xa, xaSpills                                                   bool // XA transactions, whose rows wait in files
	keepNotes, keepBytes                                           int64
	keeps                                                          bool  // rows of chunks are kept in memory
	chunkBytes, ahead                                              int64 // bounds of what is read before it is sent
	parts, limit, queueItems, maxTx, crashes, rotate               int
	together                                                       int           // tables that may be read through one view
	most                                                           int           // rows of a chunk: limit is what it begins with
	script                                                         [][]simChange // of an exploration: what each writer does, to table a alone
	notes                                                          int64         // the most of them; 0: plenty
	mul                                                            [8]int        // how eager each kind of step is, in quarters
}

const (
	mCrash = iota
	mHand
	mSend
	mNote
	mRoute
	mWork
	mSource
	mFault

	mShow   = -2 // of these each is as eager as the other
	mListed = -3
	mBroker = -4
)

func simConfigOf(seed uint64) simConfig {
	x := seed*0x9e3779b97f4a7c15 ^ 0x1234567
	draw := func(n uint64) int {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return int(x % n)
	}
	for range 5 {
		draw(2)
	}
	c := simConfig{maria: draw(3) == 0, zero: draw(2) == 0, openEnded: draw(2) == 0, slowISR: draw(3) == 0, power: draw(3) == 0,
		ddl: draw(3) == 0, foreign: draw(4) == 0, textKey: draw(3) == 0, fullMap: draw(2) == 0, schema: draw(2) == 0, full: draw(8) != 0,
		parts: 2, limit: 1 + draw(2), queueItems: 3 + draw(3), maxTx: 4 + draw(8), crashes: draw(4)}
	for i, lv := range [8][4]int{{1, 1, 2, 4}, {1, 4, 8, 16}, {1, 4, 4, 12}, {1, 4, 8, 16}, {1, 4, 8, 16}, {1, 4, 4, 12}, {2, 4, 4, 8}, {0, 1, 2, 6}} {
		c.mul[i] = lv[draw(4)]
	}
	c.orderOff = !c.maria && draw(2) == 0
	c.plain, c.mixed = draw(3) == 0, draw(2) == 0
	c.copies = !c.plain && draw(4) == 0 // without producers nothing keeps two processes apart
	c.unclean = !c.plain && !c.copies && draw(3) == 0
	c.ages = !c.copies && !c.unclean && draw(6) == 0
	c.keepNotes, c.keepBytes = [4]int64{0, 2, 10, 1000}[draw(4)], [2]int64{100, 1 << 30}[draw(2)]
	c.failover = !c.copies && draw(3) == 0
	c.loses = c.failover && draw(3) == 0
	// From an old position, without a full copy and with minimal metadata, a DDL before the definitions were read stops
	// the task by design.
	c.ddl = c.ddl && (c.full || c.fullMap)
	c.byFile, c.rowLock, c.rotate = !c.maria && draw(3) == 0, draw(2) == 0, [4]int{0, 0, 1, 4}[draw(4)]
	c.slowCommit = c.byFile && draw(2) == 0
	c.weighed, c.weighedBoth = draw(3) > 0, draw(2) == 0
	c.filtered = draw(3) == 0
	for like := range strings.SplitSeq(*simLike, ",") {
		c.be(like, draw)
	}
	c.failover = c.failover && !c.byFile
	c.loses = c.loses && c.failover
	c.xa, c.xaSpills = c.xa || draw(3) == 0, draw(2) == 0
	c.dead = c.dead || draw(3) == 0
	c.follows = c.follows || draw(2) == 0
	if c.together == 0 {
		c.together = 1 + draw(2)
	}
	c.most = c.limit * [3]int{1, 3, 100_000}[draw(3)]
	c.keeps, c.chunkBytes, c.ahead = draw(2) == 0, [3]int64{1, 300, 1 << 30}[draw(3)], [3]int64{1, 500, 1 << 30}[draw(3)]
	return c
}

// be makes the history one of a kind; flag sim.like tells which there are.
func (c *simConfig) be(like string, draw func(uint64) int) {
	switch like {
	case "byFile":
		c.byFile, c.maria, c.full, c.slowCommit = true, false, true, draw(4) > 0
	case "rowLock":
		c.rowLock, c.orderOff = true, false
	case "plain":
		c.plain, c.copies, c.unclean = true, false, false
	case "mixed":
		c.mixed, c.crashes = true, 2+draw(3)
	case "copies":
		c.plain, c.copies, c.unclean, c.ages, c.failover = false, true, false, false, false
	case "unclean":
		c.plain, c.copies, c.unclean, c.ages = false, false, true, false
		c.crashes, c.mul[mCrash], c.mul[mFault] = 1+draw(3), 2+draw(3), 2+draw(5)
	case "failover":
		c.byFile, c.copies, c.failover, c.loses, c.crashes = false, false, true, draw(3) == 0, 2+draw(3)
	case "deep": // old notes are kept, and chunk files are not
		c.keepNotes, c.keepBytes, c.openEnded, c.limit, c.maxTx = 1000, 0, true, 8, 1+draw(3)
		c.mul[mNote], c.mul[mWork], c.mul[mHand], c.mul[mSend], c.mul[mRoute], c.mul[mSource] = 8, 12, 16, 16, 16, 8
	case "seldom": // few notes, and much between them
		c.mul[mNote], c.mul[mWork], c.mul[mHand], c.mul[mSend], c.mul[mFault] = 1, 8, 8, 16, 6
	case "idle": // the source, while chunks go out in parts
		c.maxTx, c.limit, c.zero, c.mul[mNote], c.mul[mSource], c.crashes = 1+draw(2), 2, true, 16, 8, 3
		c.keepNotes = 1000
	case "ages":
		c.plain, c.copies, c.unclean, c.ages = false, false, false, true
	case "crashes":
		c.plain, c.copies, c.unclean, c.ages = false, false, false, false
		c.crashes, c.mul[mCrash] = 2+draw(3), 4
	case "xa":
		c.xa, c.crashes, c.maxTx = true, 1+draw(3), 6+draw(8)
	case "keyless": // on MariaDB: a table whose rows nobody can name
		c.maria, c.byFile, c.orderOff, c.textKey, c.weighed, c.full = true, false, false, true, false, true
	case "follows": // requests that are ready before the one in flight is acknowledged, and much to send
		c.follows, c.plain, c.crashes, c.mul[mSend], c.mul[mFault] = true, false, 1+draw(3), 16, 6
	case "dead":
		c.dead, c.crashes = true, 2+draw(3)
	case "together": // small tables are read through one view
		c.together, c.openEnded, c.full = 2, true, true
	case "filtered":
		c.filtered, c.full = true, true
	case "text":
		c.textKey, c.weighed, c.zero, c.full = true, true, true, true
	case "ddl":
		c.ddl, c.full, c.copies, c.unclean, c.ages, c.failover = true, true, false, false, false, false
	}
}
