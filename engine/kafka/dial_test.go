package kafka_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

// secured is the shared broker if it has all listeners, which one given by the environment has not.
func secured(t testing.TB) *servers.Kafka {
	t.Helper()
	if k := servers.SharedKafka(t); k.SASLSSL != "" {
		return k
	}
	return servers.StartKafka(t)
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	k := secured(t)
	for _, mechanism := range []string{"", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "scram-sha-256"} {
		for _, addr := range []string{k.SASL, k.SASLSSL} {
			target := task.Target{Brokers: []string{addr}, User: k.User, Password: task.Secret(k.Password), Mechanism: mechanism}
			if addr == k.SASLSSL {
				target.TLS = task.TLS{Mode: "full", CAFile: k.CAFile}
			}
			t.Run(mechanism+target.TLS.Mode, func(t *testing.T) {
				t.Parallel()
				c := open(t, target)
				p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
				produce(t, c, p, batch(producer(t, c), 0, 0, "a"))
				values, _ := scan(t, c, p, 0, 1)
				same(t, values, "a")
			})
		}
	}
}

func TestTLSModes(t *testing.T) {
	t.Parallel()
	k := secured(t)
	text, err := os.ReadFile(k.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, tls := range map[string]task.TLS{
		"require": {Mode: "require", CAFile: k.CAFile}, "ca": {Mode: "ca", CAFile: k.CAFile}, "full": {Mode: "full", CAFile: k.CAFile},
		"full, CA in place": {Mode: "full", CA: string(text)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, task.Target{Brokers: []string{k.SSL}, TLS: tls})
			if _, err := c.Topics(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	k := secured(t)
	login := func(addr, mechanism, user, password string) task.Target {
		return task.Target{Brokers: []string{addr}, User: user, Password: task.Secret(password), Mechanism: mechanism}
	}
	with := func(target task.Target, mode, ca string) task.Target {
		target.TLS = task.TLS{Mode: mode, CAFile: ca}
		return target
	}
	wrongCA := anotherCA(t)
	for name, c := range map[string]struct {
		target task.Target
		code   string
	}{
		"wrong password, SCRAM":    {login(k.SASL, "SCRAM-SHA-256", k.User, "wr0ng-secret"), "target.login_failed"},
		"wrong password, SHA-512":  {login(k.SASL, "SCRAM-SHA-512", k.User, "wr0ng-secret"), "target.login_failed"},
		"wrong password, PLAIN":    {login(k.SASL, "PLAIN", k.User, "wr0ng-secret"), "target.login_failed"},
		"wrong user":               {login(k.SASL, "", "nobody", "wr0ng-secret"), "target.login_failed"},
		"wrong password over TLS":  {with(login(k.SASLSSL, "", k.User, "wr0ng-secret"), "full", k.CAFile), "target.login_failed"},
		"no such mechanism":        {login(k.SASL, "GSSAPI", k.User, "wr0ng-secret"), "target.mechanism_unknown"},
		"no sign-in":               {task.Target{Brokers: []string{k.SASL}}, "target.login_required"},
		"no sign-in over TLS":      {with(task.Target{Brokers: []string{k.SASLSSL}}, "full", k.CAFile), "target.login_required"},
		"sign-in to a plain port":  {login(k.Plain, "", k.User, "wr0ng-secret"), "target.mechanism_unsupported"},
		"plain to TLS":             {task.Target{Brokers: []string{k.SSL}}, "target.tls_required"},
		"plain with user to TLS":   {login(k.SASLSSL, "", k.User, "wr0ng-secret"), "target.tls_required"},
		"TLS to plain":             {with(task.Target{Brokers: []string{k.Plain}}, "require", ""), "target.tls_not_offered"},
		"TLS to plain with SASL":   {with(login(k.SASL, "", k.User, "wr0ng-secret"), "full", k.CAFile), "target.tls_not_offered"},
		"unknown CA":               {with(task.Target{Brokers: []string{k.SSL}}, "full", wrongCA), "target.tls_untrusted"},
		"unknown CA, mode ca":      {with(task.Target{Brokers: []string{k.SSL}}, "ca", wrongCA), "target.tls_untrusted"},
		"system CAs":               {with(task.Target{Brokers: []string{k.SSL}}, "full", ""), "target.tls_untrusted"},
		"CA file absent":           {with(task.Target{Brokers: []string{k.SSL}}, "full", "/does/not/exist.pem"), "target.ca_file"},
		"no such TLS mode":         {with(task.Target{Brokers: []string{k.SSL}}, "yes", ""), "target.tls_mode"},
		"nothing listens":          {task.Target{Brokers: []string{closedPort(t)}}, "target.refused"},
		"no such host":             {task.Target{Brokers: []string{"kafka.invalid:9092"}}, "target.host_unknown"},
		"no brokers":               {task.Target{}, "target.brokers_missing"},
		"no such compression":      {task.Target{Brokers: []string{k.Plain}, Compression: "rar"}, "target.compression_unknown"},
		"a port that speaks other": {task.Target{Brokers: []string{hangUp(t)}}, "target.connection_lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := kafka.Open(t.Context(), c.target)
			if err == nil {
				client.Close()
			}
			if task.Code(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if e, ok := err.(*task.Error); c.code == "target.connection_lost" && (!ok || !strings.Contains(e.Hint, "older than Kafka 0.10.1")) {
				t.Errorf("brokers that know no ApiVersions close the connection, too, which %+v does not say", e)
			}
			if s := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(s, "wr0ng-secret") {
				t.Fatalf("the password is in %s", s)
			}
		})
	}
}

// A certificate for another name passes where only its chain is checked.
func TestHostNameIsCheckedInModeFullOnly(t *testing.T) {
	t.Parallel()
	k := secured(t)
	forward := forwarder(t, "127.0.0.2", k.SSL)
	for mode, code := range map[string]string{"full": "target.tls_hostname", "ca": "internal"} {
		c, err := kafka.Open(t.Context(), task.Target{Brokers: []string{forward}, TLS: task.TLS{Mode: mode, CAFile: k.CAFile}})
		if err == nil {
			c.Close()
		}
		if task.Code(err) != code {
			t.Fatalf("%s: %v", mode, err)
		}
	}
}

func TestFirstBrokerMayBeDown(t *testing.T) {
	t.Parallel()
	addr := fake(t).ListenAddrs()[0]
	down := closedPort(t)
	for range 5 { // the order is random
		c := open(t, task.Target{Brokers: []string{down + ", " + addr}})
		newTopic(t, c, 1, nil)
	}
}

// Brokers that lack what is needed are refused by name.
func TestOldBrokersAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		produce     int16
		fetch       int16
		compression string
		code        string
	}{
		"0.10.0":           {2, 2, "", "target.version_unsupported"},
		"0.10.1":           {2, 3, "gzip", "internal"},
		"0.10.1 and zstd":  {2, 3, "zstd", "target.compression_unsupported"},
		"0.11":             {3, 4, "lz4", "internal"},
		"2.0 and zstd":     {6, 8, "zstd", "target.compression_unsupported"},
		"2.1 and zstd":     {7, 10, "zstd", "internal"},
		"1.0, no settings": {5, 6, "", "internal"},
	} {
		cluster := fake(t)
		cluster.ControlKey(int16(kmsg.ApiVersions), func(r kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			res := r.ResponseKind().(*kmsg.ApiVersionsResponse)
			for _, k := range []kmsg.Key{kmsg.Metadata, kmsg.ApiVersions, kmsg.CreateTopics, kmsg.InitProducerID} {
				res.ApiKeys = append(res.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: int16(k), MaxVersion: 2})
			}
			res.ApiKeys = append(res.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: int16(kmsg.Produce), MaxVersion: c.produce},
				kmsg.ApiVersionsResponseApiKey{ApiKey: int16(kmsg.Fetch), MaxVersion: c.fetch})
			return res, nil, true
		})
		target := plainTarget(cluster.ListenAddrs()[0])
		target.Compression = c.compression
		client, err := kafka.Open(t.Context(), target)
		if task.Code(err) != c.code && (err != nil || c.code != "internal") {
			t.Fatalf("%s: %v", name, err)
		}
		if err != nil {
			if c.fetch < 3 && !strings.Contains(err.(*task.Error).Hint, "0.10.1") {
				t.Fatalf("%s: hint %q", name, err.(*task.Error).Hint)
			}
			continue
		}
		// DescribeConfigs is not offered: the settings are unknown, not an error.
		limits, err := client.Limits(t.Context(), []string{"t"})
		if err != nil || len(limits) != 0 {
			t.Fatal(name, limits, err)
		}
		client.Close()
	}
}

// A broker that closes the connection on a wrong password, as brokers before 1.0 do.
func TestClosedDuringSignIn(t *testing.T) {
	t.Parallel()
	cluster := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "bob", "right"))
	target := plainTarget(cluster.ListenAddrs()[0])
	target.User, target.Password, target.Mechanism = "bob", "wrong", "PLAIN"
	if _, err := kafka.Open(t.Context(), target); task.Code(err) != "target.login_failed" {
		t.Fatal(err)
	}
	target.Password = "right"
	open(t, target)
}

// Open ends with its context, also if nobody answers.
func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l := listener(t, "127.0.0.1:0")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := kafka.Open(ctx, plainTarget(l.Addr().String()))
	if task.Code(err) != "target.timeout" || !task.Retryable(err) || time.Since(start) > 5*time.Second {
		t.Fatal(err, time.Since(start))
	}
}

// Not parallel: it counts goroutines.
func TestCloseEndsAll(t *testing.T) {
	cluster := fake(t)
	before := goleak.IgnoreCurrent()
	c, err := kafka.Open(t.Context(), plainTarget(cluster.ListenAddrs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	produce(t, c, p, batch(producer(t, c), 0, 0, "a"))
	scan(t, c, p, 0, 1)
	c.Close()
	c.Close()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
}
