package handlers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/engine/task"
	"sluice/views"
)

// policies in the order of their cards.
var policies = []string{string(task.PolicyZero), string(task.PolicyTable), string(task.PolicyKey)}

// formats of messages, the default first.
var formats = []string{string(task.DTSAvro), string(task.CanalJSON)}

// objectValues fills the form of the second step from what is kept.
func objectValues(b *wizardBody) map[string]string {
	s := &b.Spec
	v := map[string]string{"policy": string(s.Policy), "format": string(cmp.Or(s.Format, task.DTSAvro)), "ddl_topic": s.DDLTopic, "dead_letter_topic": s.DeadLetterTopic,
		"new_tables": patternLines(s.New), "from_kind": "now"}
	for name, on := range map[string]bool{"schema": s.Schema, "full": s.Full, "incremental": s.Incremental, "row_lock": s.Source.RowLock, "online_ddl": s.OnlineDDL == task.HideOnlineDDL} {
		if on {
			v[name] = "on"
		}
	}
	if s.From != nil {
		v["from_position"], v["from_gtid"], v["from_time"] = s.From.Position, s.From.GTID, s.From.Time
		for _, kind := range []string{"position", "gtid", "time"} {
			if v["from_"+kind] != "" {
				v["from_kind"] = kind
			}
		}
	}
	return v
}

// readTypes takes migration types, start and policy into the body, but for what is wrong with them.
func (f *wizardForm) readTypes(b *wizardBody) {
	s := &b.Spec
	s.Schema, s.Full, s.Incremental = f.text("schema") != "", f.text("full") != "", f.text("incremental") != ""
	s.Source.RowLock = f.text("row_lock") != ""
	if !s.Schema && !s.Full && !s.Incremental {
		f.bad("schema", "types")
	}
	if p := f.choice("policy", policies...); f.Error("policy") == "" {
		s.Policy = task.Policy(p)
	}
	if v := f.choice("format", formats...); f.Error("format") == "" {
		s.Format = task.Format(v)
	}
	if v := f.text("ddl_topic"); v != "" && !validTopic(v) {
		f.bad("ddl_topic", "topic_form")
	} else {
		s.DDLTopic = v
	}
	if s.OnlineDDL = ""; f.text("online_ddl") != "" {
		s.OnlineDDL = task.HideOnlineDDL
	}
	f.readNew(s)
	s.DeadLetterTopic = ""
	switch v := f.text("dead_letter_topic"); {
	case v != "" && !validTopic(v):
		f.bad("dead_letter_topic", "topic_form")
	case v != "" && slices.Contains(s.Topics(), v):
		f.bad("dead_letter_topic", "topic_shared")
	default:
		s.DeadLetterTopic = v
	}
	from := task.From{}
	f.text("from_position")
	f.text("from_gtid")
	f.text("from_time")
	kind := f.choice("from_kind", "now", "position", "gtid", "time")
	if s.Schema || s.Full || !s.Incremental {
		s.From = nil // a start is for the incremental migration alone
		return
	}
	switch kind {
	case "now":
		s.From = nil
		return
	case "position":
		from.Position = f.position()
	case "gtid":
		from.GTID = f.gtid()
	case "time":
		from.Time = f.moment()
	}
	s.From = nil
	if from != (task.From{}) {
		s.From = &from
	}
}

func (f *wizardForm) position() string {
	v := f.Values["from_position"]
	if v == "" || !startsAt(task.From{Position: v}) {
		f.bad("from_position", "from_position")
		return ""
	}
	return v
}

// startsAt reports whether a start is written as it must be.
func startsAt(from task.From) bool {
	s := task.Spec{Incremental: true, From: &from}
	return !slices.ContainsFunc(s.Problems(), func(p task.Problem) bool { return strings.HasPrefix(p.Field, "from") })
}

// gtid takes a set of MySQL or a position of MariaDB, which people paste with line breaks.
func (f *wizardForm) gtid() string {
	v := strings.Join(strings.Fields(f.Values["from_gtid"]), "")
	if v == "" || !startsAt(task.From{GTID: v}) {
		f.bad("from_gtid", "from_gtid")
		return ""
	}
	return v
}

// moment takes a time with its zone, or one of this server's zone, not later than now.
func (f *wizardForm) moment() string {
	v := f.Values["from_time"]
	t, err := time.Parse(time.RFC3339Nano, v)
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if err != nil {
			t, err = time.ParseInLocation(layout, v, f.p.Now.Location())
		}
	}
	switch {
	case err != nil:
		f.bad("from_time", "from_time")
	case t.After(f.p.Now):
		f.bad("from_time", "from_future")
	default:
		return t.Format(time.RFC3339)
	}
	return ""
}

// checkObjects looks at the whole of what is selected, as the next step needs it.
func (f *wizardForm) checkObjects(b *wizardBody) {
	s := &b.Spec
	if len(s.Tables) == 0 {
		f.bad("objects", "tables")
	}
	var filtered []string
	for i := range s.Tables {
		if t := &s.Tables[i]; t.Where != "" && !s.Full && !t.FilterChanges {
			filtered = append(filtered, t.Schema+"."+t.Name)
		}
	}
	if len(filtered) > 0 {
		f.bad("objects", "where_without_full", "Tables", few(filtered))
	}
	if len(f.Errors) > 0 {
		return
	}
	whole := *s
	whole.Defaults()
	for _, problem := range whole.Problems() { // of an earlier step, or of a cloned task
		name := "objects"
		if strings.HasPrefix(problem.Field, "new_tables") {
			name = "new_tables"
		}
		f.Errors = append(f.Errors, views.FieldError{Name: name, Text: f.p.T("wizard.error.spec", "Field", problem.Field, "Text", problem.Text)})
	}
}

// few names some of many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", … (" + strconv.Itoa(len(names)) + ")"
}
