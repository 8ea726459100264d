package handlers

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/engine/task"
	"sluice/views"
)

// connectionsView is the first step as it is shown.
func (h *Handlers) connectionsView(p *views.Page, d task.Draft, b *wizardBody, f *wizardForm) *views.Connections {
	source, target, topics := h.probes.found(d.ID, &b.Spec)
	m := &views.Connections{Form: f.Form, SourceKept: b.Spec.Source.Password != "", TargetKept: b.Spec.Target.Password != "",
		SourceCAFile: b.Spec.Source.TLS.CAFile, TargetCAFile: b.Spec.Target.TLS.CAFile,
		Source: testView(p, source), Target: testView(p, target), KafkaVersions: kafkaVersions}
	if !topics.at.IsZero() {
		m.Topics, m.TopicsError = topicsView(p, topics.list), problem(p, topics.err)
		m.Fetched = m.TopicsError == nil
		if !slices.ContainsFunc(topics.list, func(t Topic) bool { return t.Name == f.Values["topic"] }) {
			f.Values["topic"] = "" // it is typed below
		}
	}
	m.Access = accessView(p, b, source.reach.From, target.reach.From)
	return m
}

func topicsView(p *views.Page, list []Topic) []views.Option {
	out := make([]views.Option, 0, len(list)+1)
	for _, t := range list {
		text := t.Name + " · " + p.N("wizard.topic.partitions", int64(t.Partitions)) + " · " + p.T("wizard.topic.replication", "N", t.Replication)
		if t.Known {
			text += " · " + retention(p, t.RetentionMillis)
			if t.Cleanup != "" && t.Cleanup != "delete" {
				text += " · " + t.Cleanup
			}
		}
		out = append(out, views.Option{Value: t.Name, Text: text, Facts: topicFacts(p, t)})
	}
	return out
}

// topicFacts are partitions, replicas, retention and cleanup policy.
func topicFacts(p *views.Page, t Topic) []string {
	out := []string{p.Number(int64(t.Partitions)), p.Number(int64(t.Replication)), "–", "–"}
	if t.Known {
		out[2], out[3] = p.T("wizard.topic_facts.forever"), dash(t.Cleanup)
		if t.RetentionMillis >= 0 {
			out[2] = p.Duration(time.Duration(t.RetentionMillis) * time.Millisecond)
		}
	}
	return out
}

func retention(p *views.Page, millis int64) string {
	if millis < 0 {
		return p.T("wizard.topic.forever")
	}
	return p.T("wizard.topic.retention", "D", p.Duration(time.Duration(millis)*time.Millisecond))
}

// testView is a test of a side as a list of its stages.
func testView(p *views.Page, t tried) *views.Test {
	if t.at.IsZero() {
		return nil
	}
	m := &views.Test{Passed: t.reach.Passed(), At: t.at.Format("15:04:05")}
	for _, s := range t.reach.Stages {
		line := views.Stage{Status: s.Status, Name: p.T("wizard.stage." + s.Name), Of: s.Of, Took: lasted(s.Took)}
		line.Text = stageText(p, &s, ".observed", s.Text)
		if line.Text == line.Of {
			line.Of = "" // it says no more than of what it is
		}
		if s.Status == "failed" {
			m.Failed++
			line.Cause, line.Fix = stageText(p, &s, ".cause", s.Cause), stageText(p, &s, ".fix", s.Fix)
			if s.Code == "error" && s.Err != nil {
				e := problem(p, s.Err)
				line.Text, line.Cause, line.Fix, line.Detail, line.Said, line.Code = e.Text, "", e.Marked(), e.Detail, e.Said, e.Code
			}
		}
		m.Stages = append(m.Stages, line)
	}
	return m
}

// stageText is a text of a finding in the reader's language, or as it came.
func stageText(p *views.Page, s *task.Stage, part, english string) string {
	key := "finding." + s.Code + part
	if s.Code == "" || !p.Has(key) {
		return english
	}
	args := make([]any, 0, 2*len(s.Params))
	for name, value := range s.Params {
		args = append(args, name, value)
	}
	return p.T(key, args...)
}

func lasted(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Millisecond:
		return "< 1 ms"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
}

// accessView says what the two sides must let in: their administrators copy it from here.
func accessView(p *views.Page, b *wizardBody, toSource, toTarget netip.Addr) views.Access {
	s, t := &b.Spec.Source, &b.Spec.Target
	m := views.Access{Source: addresses(toSource), Target: addresses(toTarget), RDS: b.About.InstanceType == "rds", Instance: b.About.InstanceID}
	host := "%"
	if toSource.IsValid() && !m.RDS {
		host = toSource.Unmap().String()
	}
	account := sqlText(cmp.Or(s.User, "dts")) + "@" + sqlText(host)
	m.SQL = []string{
		"CREATE USER IF NOT EXISTS " + account + " IDENTIFIED BY " + sqlText(p.T("wizard.access.password")) + ";",
		"GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO " + account + ";",
		"GRANT SELECT, SHOW VIEW ON *.* TO " + account + ";",
	}
	if t.User != "" {
		topic := cmp.Or(t.Topic, "TOPIC")
		acl := "kafka-acls.sh --bootstrap-server " + shellText(strings.Join(t.Brokers, ",")) + " --add --allow-principal " + shellText("User:"+t.User)
		m.ACL = []string{
			acl + " --operation Describe --operation DescribeConfigs --operation Read --operation Write --operation Create --topic " + shellText(topic),
			acl + " --operation IdempotentWrite --cluster",
		}
	}
	return m
}

// addresses gives the one that a test was seen to come from, or else all of this machine.
func addresses(seen netip.Addr) []string {
	if seen.IsValid() {
		return []string{seen.Unmap().String()}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return out
}

func sqlText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

// shellText quotes what a shell would take apart.
func shellText(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:_-/@", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
