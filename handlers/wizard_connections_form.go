package handlers

import (
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/engine/task"
)

const (
	maxPort       = 65535
	kafkaPort     = 9092
	maxPartitions = 10000
	maxReplicas   = 100
)

// kafkaVersions may be chosen; "" is automatic.
var kafkaVersions = []string{"", "0.10", "0.11", "1.0", "1.1", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8",
	"3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "4.0", "4.1", "4.2", "4.3", "4.4"}

// connectionValues fills the form of the first step from what is kept.
func connectionValues(b *wizardBody) map[string]string {
	s, t := &b.Spec.Source, &b.Spec.Target
	hosts, port := splitBrokers(t.Brokers)
	v := map[string]string{
		"name": b.Spec.Name, "source_type": b.About.InstanceType, "source_region": b.About.Group, "source_instance": b.About.InstanceID,
		"source_host": s.Host, "source_port": number(s.Port, 3306), "source_user": s.User, "source_ca": b.SourceCA,
		"target_hosts": hosts, "target_port": strconv.Itoa(port), "target_user": t.User, "target_mechanism": t.Mechanism, "target_ca": b.TargetCA,
		"topic": t.Topic, "topic_new": t.Topic, "topic_partitions": number(t.Partitions, 1), "topic_replication": number(t.Replication, 1),
		"kafka_version": b.About.KafkaVersion,
	}
	if v["source_type"] == "" {
		v["source_type"] = "self"
	}
	for side, tls := range map[string]task.TLS{"source": s.TLS, "target": t.TLS} {
		v[side+"_tls"], v[side+"_verify"] = "ssl", tls.Mode
		if tls.Mode == "" || tls.Mode == "off" {
			v[side+"_tls"], v[side+"_verify"] = "off", "full"
		}
		if v[side+"_ca"] == "" {
			v[side+"_ca"] = tls.CA
		}
	}
	return v
}

func number(n, standard int) string {
	if n == 0 {
		n = standard
	}
	return strconv.Itoa(n)
}

// splitBrokers gives the hosts and the port that all have; where they differ, each host keeps its own.
func splitBrokers(brokers []string) (hosts string, port int) {
	var names []string
	ports := map[string]bool{}
	last := strconv.Itoa(kafkaPort)
	for _, b := range brokers {
		host, p, err := net.SplitHostPort(b)
		if err != nil {
			host, p = b, strconv.Itoa(kafkaPort)
		}
		names, last, ports[p] = append(names, host), p, true
	}
	if n, err := strconv.Atoi(last); err == nil && len(ports) < 2 {
		return strings.Join(names, ", "), n
	}
	return strings.Join(brokers, ", "), kafkaPort
}

// readConnections takes the first step into the body, but for what is wrong with it. It gives the passwords that were
// typed; an empty one removes what was kept.
func (f *wizardForm) readConnections(b *wizardBody) map[string]task.Secret {
	secrets := map[string]task.Secret{}
	f.readName(b)
	f.readInstance(b)
	s := &b.Spec.Source
	if host := f.text("source_host"); f.host("source_host", host) {
		s.Host = host
	}
	s.Port = f.number("source_port", 1, maxPort, s.Port, "port")
	if s.User = f.text("source_user"); s.User == "" {
		f.bad("source_user", "source_user")
	}
	if typed := f.c.FormValue("source_password"); typed != "" {
		secrets["source"] = task.Secret(typed)
	} else if s.Password == "" {
		f.bad("source_password", "source_password")
	}
	f.readTLS("source", &s.TLS, &b.SourceCA)
	f.readTarget(b, secrets)
	return secrets
}

func (f *wizardForm) readName(b *wizardBody) {
	name := f.text("name")
	switch {
	case name == "":
		f.bad("name", "name")
	case utf8.RuneCountInString(name) > 64:
		f.bad("name", "name_long")
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		f.bad("name", "name_control")
	default:
		b.Spec.Name = name
	}
}

var instanceID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (f *wizardForm) readInstance(b *wizardBody) {
	b.About.InstanceType = f.choice("source_type", "self", "rds")
	b.About.Group = f.text("source_region")
	b.About.InstanceID = f.text("source_instance")
	rds := b.About.InstanceType == "rds"
	if rds && b.About.Group == "" {
		f.bad("source_region", "region")
	}
	if utf8.RuneCountInString(b.About.Group) > 64 {
		f.bad("source_region", "region_long")
	}
	switch {
	case !rds:
		b.About.InstanceID = ""
	case b.About.InstanceID == "":
		f.bad("source_instance", "instance")
	case !instanceID.MatchString(b.About.InstanceID):
		f.bad("source_instance", "instance_form")
	}
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})$`)

// host checks a name or an address that stands alone.
func (f *wizardForm) host(field, host string) bool {
	_, err := netip.ParseAddr(host)
	switch {
	case host == "":
		f.bad(field, field)
	case err == nil || hostName.MatchString(host):
		return true
	case strings.Contains(host, "://"), strings.Contains(host, ":"):
		f.bad(field, "host_alone", "Value", host)
	default:
		f.bad(field, "host_form", "Value", host)
	}
	return false
}

func (f *wizardForm) readTarget(b *wizardBody, secrets map[string]task.Secret) {
	t := &b.Spec.Target
	port := f.number("target_port", 1, maxPort, kafkaPort, "port")
	if brokers, ok := f.brokers(port); ok {
		t.Brokers = brokers
	}
	t.User = f.text("target_user")
	t.Mechanism = f.choice("target_mechanism", "", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")
	typed := f.c.FormValue("target_password")
	switch {
	case t.User == "" && t.Mechanism == "" && typed == "":
		secrets["target"] = ""
	case t.Mechanism == "":
		f.bad("target_mechanism", "mechanism")
	case t.User == "":
		f.bad("target_user", "target_user")
	case typed == "" && t.Password == "":
		f.bad("target_password", "target_password")
	}
	if typed != "" {
		secrets["target"] = task.Secret(typed)
	}
	f.readTLS("target", &t.TLS, &b.TargetCA)
	f.readTopic(t)
	b.About.KafkaVersion = f.choice("kafka_version", kafkaVersions...)
}

// brokers reads hosts that are divided by commas, spaces or line breaks; each may name a port of its own.
func (f *wizardForm) brokers(port int) ([]string, bool) {
	list := strings.FieldsFunc(f.text("target_hosts"), func(r rune) bool { return r == ',' || r == '，' || r == ';' || unicode.IsSpace(r) })
	if len(list) == 0 {
		f.bad("target_hosts", "target_hosts")
		return nil, false
	}
	var out []string
	for _, one := range list {
		host, own, err := net.SplitHostPort(one)
		if err != nil {
			host, own = strings.Trim(one, "[]"), strconv.Itoa(port)
		}
		n, nerr := strconv.Atoi(own)
		_, aerr := netip.ParseAddr(host)
		if nerr != nil || n < 1 || n > maxPort || aerr != nil && !hostName.MatchString(host) {
			f.bad("target_hosts", "broker_form", "Value", one)
			return nil, false
		}
		if addr := net.JoinHostPort(host, own); !slices.Contains(out, addr) {
			out = append(out, addr)
		}
	}
	return out, true
}

// readTLS reads how a side is encrypted. pasted keeps the certificates also while they are not used.
func (f *wizardForm) readTLS(side string, tls *task.TLS, pasted *string) {
	on := f.choice(side+"_tls", "off", "ssl") == "ssl"
	mode := f.choice(side+"_verify", "full", "ca", "require")
	pem := f.text(side + "_ca")
	if file, ok := f.upload(side + "_ca_file"); ok {
		pem, f.Values[side+"_ca"] = file, file
	}
	*pasted = pem
	if !on {
		*tls = task.TLS{Mode: "off"}
		return
	}
	tls.Mode, tls.CA = mode, ""
	switch {
	case mode == "require":
		tls.CAFile = ""
	case pem == "": // those of the system, or the file that a task had which was cloned
	case !x509.NewCertPool().AppendCertsFromPEM([]byte(pem)):
		f.bad(side+"_ca", "ca")
	default:
		tls.CA, tls.CAFile = pem, ""
	}
}

// upload gives the text of a file that was sent, if one was.
func (f *wizardForm) upload(name string) (string, bool) {
	head, err := f.c.FormFile(name)
	if err != nil || head.Size == 0 {
		return "", false
	}
	file, err := head.Open()
	if err != nil {
		return "", false
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, 1<<20))
	return strings.TrimSpace(string(text)), err == nil
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func validTopic(name string) bool { return topicName.MatchString(name) && name != "." && name != ".." }

// readTopic reads the topic: one of the list, or one that was typed.
func (f *wizardForm) readTopic(t *task.Target) {
	chosen, field := f.text("topic"), "topic"
	if typed := f.text("topic_new"); chosen == "" {
		chosen, field = typed, "topic_new"
	}
	switch {
	case chosen == "":
		f.bad("topic_new", "topic")
	case !validTopic(chosen):
		f.bad(field, "topic_form")
	default:
		t.Topic = chosen
	}
	t.Partitions = f.number("topic_partitions", 1, maxPartitions, t.Partitions, "between")
	t.Replication = f.number("topic_replication", 1, maxReplicas, t.Replication, "between")
}
