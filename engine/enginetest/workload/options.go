package workload

// Options say how much is written. The zero value of a field is its default.
type Options struct {
	Seed    uint64
	Writers int            // 8
	Schema  string         // database, made anew by Setup; "work"
	Rows    map[string]int // rows that Setup loads by table; missing: 1000, t_nokey and t_ddl 200
	Rate    int            // transactions/s of all writers; 0: no limit
	// Reconnect lets sessions outlive a server that is killed and comes back.
	Reconnect bool
	XA        bool // one in ten transactions is an XA transaction
	NoDDL     bool // no DDL goroutine: t_ddl and t_renamed are only written to
	// Truncate lets the DDL goroutine TRUNCATE t_ddl, Rename rename t_renamed away and back.
	Truncate bool
	Rename   bool
}

func (o Options) filled() Options {
	if o.Writers == 0 {
		o.Writers = 8
	}
	if o.Schema == "" {
		o.Schema = "work"
	}
	return o
}

func (o Options) rows(table string) int {
	if n, ok := o.Rows[table]; ok {
		return n
	}
	if table == "t_nokey" || table == "t_ddl" || table == "t_renamed" {
		return 200
	}
	return 1000
}

// Tables are the names of the tables to select; t_renamed leaves the selection and returns if Options.Rename is set.
func Tables() []string {
	return []string{"t_int", "t_uint", "t_comp", "t_uuid", "t_text", "t_words", "t_mixed", "t_bin", "t_nokey", "t_wide", "t_ddl", "t_renamed"}
}

// RenamedAway is the name that t_renamed has in between.
const RenamedAway = "t_renamed_away"

// Stats counts what was done.
type Stats struct {
	Committed  int // transactions
	RolledBack int // on purpose
	XA         int // XA transactions that were ended
	Retried    int // deadlocks and lock timeouts
	Skipped    int // duplicate keys, and statements that met a column or table that a DDL took away
	Rows       int // rows that the committed statements changed
	DDL        int
	Lost       int // connections
}

func (s *Stats) add(o Stats) {
	s.Committed += o.Committed
	s.RolledBack += o.RolledBack
	s.XA += o.XA
	s.Retried += o.Retried
	s.Skipped += o.Skipped
	s.Rows += o.Rows
	s.DDL += o.DDL
	s.Lost += o.Lost
}
