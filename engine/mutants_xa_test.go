package engine

// xaMutants are wrong variants of what is done with XA transactions; they are played against histories with such.
var xaMutants = []mutant{
	{"xa-at-prepare", "I4", []edit{
		{"xa_replay.go", "		case cdc.EventCommit:\n", "		case cdc.EventCommit, cdc.EventXAPrepare:\n"},
		{"xa.go", "	if !r.saved.XA {\n", "	if true {\n"},
	}},
	{"xa-rollback-ignored", "I4", []edit{{"xa_replay.go", "		case cdc.EventXACommit:\n", "		case cdc.EventXACommit, cdc.EventXARollback:\n"}}},
	{"xa-prepares-name", "I7", []edit{{"xa_replay.go", "			r.replay.event = *ev\n", "			r.replay.event = *ev\n			r.replay.event.TID = b.tid\n"}}},
	{"xa-not-read-again", "I2", []edit{{"xa.go", "	case first != nil:\n", "	case false:\n"}, {"xa.go", "	if !r.saved.XA {\n", "	if true {\n"}}},
	{"xa-stretch-forgotten", "I2", []edit{{"xa.go", "	case r.stretch != nil:\n		n.Reread", "	case false:\n		n.Reread"}, {"xa.go", "	if !r.saved.XA {\n", "	if true {\n"}}},
	{"xa-stretch-routed", "I7", []edit{{"router.go", "		again = r.stretch != nil && r.set.Contains(ev.TID)\n", "		again = false\n"}, {"router.go", "	if early && !again {", "	if false {"}}},
	{"xa-set-of-l", "I2", []edit{{"xa.go", "		b.before = r.stretch.seen.Clone()\n", ""}, {"xa.go", "	if !r.saved.XA {\n", "	if true {\n"}}},
	{"xa-moved-order", "I2", []edit{{"xa.go", "b.from, b.before = r.stretch.at, r.stretch.set\n", "b.before = r.stretch.seen.Clone()\n"}}},
	{"xa-rollback-lost", "I2", []edit{{"xa.go", "		b.end = ev.TID // a failover may lose it\n", "		b.end = ev.TID\n		if ev.Kind == cdc.EventXARollback {\n			b.tid = \"none\"\n		}\n"}}},
	{"xa-end-not-passed", "I2", []edit{{"xa.go", "(b.end == \"\" || b.hidden || !set.Contains(b.end))", "b.end == \"\""}, {"xa.go", "	if !r.saved.XA {\n", "	if true {\n"}}},
	{"xa-early-ignored", "I4", []edit{{"xa.go", "	if !r.saved.XA {\n", "	if true {\n"}}},
	{"xa-others-lost", "I2", []edit{{"xa.go", "			n.Others = append(n.Others, b.xid)\n", ""}}},
	{"xa-maria-hidden", "I4", []edit{{"xa_replay.go", "			b.hidden = r.flavor == cdc.MariaDB && r.copying()\n", ""}}},
	{"xa-maria-exact", "I4", []edit{{"seal.go", "	if r.veiled(c) {", "	if false {"}}},
	{"xa-maria-filter", "I4", []edit{{"seal.go", "		if c.exact = false; !c.mergeable() {", "		if c.exact = !c.mergeable(); false {"}}},
}
