package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// turnedAway runs a task whose target stops to let it in. The task ends and says why; once the cause is gone it goes on
// and each row is there once.
func (b *bench) turnedAway(file, code string, spoil, mend func()) {
	b.Helper()
	insert := func(id int) { b.my.Exec(b.T, fmt.Sprintf("INSERT INTO %s.orders VALUES (%d,'new',1)", b.name, id)) }
	b.my.Exec(b.T, "DROP DATABASE IF EXISTS "+b.name, "CREATE DATABASE "+b.name)
	b.rows("orders", 10)
	r := b.start(file)
	r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
	insert(11)
	r.until("a change", func(d *document) bool { return d.Inserts == 1 })
	spoil()
	insert(12)
	r.finish().want(b.T, exitFailed, code)
	mend()
	insert(13)
	b.sluice("run", file, "--until", "caught-up").want(b.T, exitDone, "finished")
	b.counts(b.decoded("--task", file), map[string]int{"DDL": 1, "INIT": 10, "INSERT": 3})
}

// TestTargetTurnsAway takes the password, the right to write and the certificate away from a task that runs.
func TestTargetTurnsAway(t *testing.T) {
	t.Parallel()
	t.Run("account", func(t *testing.T) {
		t.Parallel()
		k := servers.StartKafka(t, servers.KafkaConfig("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users=User:ANONYMOUS", "allow.everyone.if.no.acl.found=true"))
		admin := &kafka.Client{Addr: kafka.TCP(k.Plain)}
		signedIn := func(name string) (*bench, string) {
			b := &bench{T: t, my: servers.SharedMySQL(t, servers.MySQL80), kafka: k, dir: t.TempDir(), name: name}
			return b, b.taskFile(fmt.Sprintf("%q", k.Plain), fmt.Sprintf("%q", k.SASL), "  topic:", "  user: "+k.User+"\n  password: {env: SLUICE_KAFKA_PASSWORD}\n  topic:")
		}
		b, file := signedIn("turned_password")
		b.turnedAway(file, "target.login_failed", func() {
			setPassword(t, admin, k.User, "another-secret")
			k.Kill9(t) // who is signed in stays so
			k.Restart(t)
		}, func() { setPassword(t, admin, k.User, k.Password) })

		b, file = signedIn("turned_right")
		deny := kafka.ACLEntry{ResourceType: kafka.ResourceTypeTopic, ResourceName: b.name, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: "User:" + k.User, Host: "*", Operation: kafka.ACLOperationTypeWrite, PermissionType: kafka.ACLPermissionTypeDeny}
		b.turnedAway(file, "target.topic_denied", func() {
			allow := deny
			allow.Operation, allow.PermissionType = kafka.ACLOperationTypeAll, kafka.ACLPermissionTypeAllow
			res, err := admin.CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{allow, deny}})
			if err != nil || res.Errors[0] != nil || res.Errors[1] != nil {
				t.Fatal(err, res)
			}
		}, func() {
			res, err := admin.DeleteACLs(t.Context(), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{ResourceTypeFilter: deny.ResourceType,
				ResourceNameFilter: deny.ResourceName, ResourcePatternTypeFilter: deny.ResourcePatternType, PrincipalFilter: deny.Principal, HostFilter: deny.Host,
				Operation: deny.Operation, PermissionType: deny.PermissionType}}})
			if err != nil || len(res.Results[0].MatchingACLs) != 1 {
				t.Fatal(err, res)
			}
		})
	})
	t.Run("certificate", func(t *testing.T) {
		t.Parallel()
		f := newFront(t)
		k := servers.StartKafka(t, servers.KafkaListen(f.upstream), servers.KafkaAdvertise(f.addr))
		b := &bench{T: t, my: servers.SharedMySQL(t, servers.MySQL80), kafka: k, dir: t.TempDir(), name: "turned_certificate"}
		file := b.taskFile(fmt.Sprintf("%q", k.Plain), fmt.Sprintf("%q", f.addr), "  topic:", "  tls: {mode: full, ca_file: "+f.ca+"}\n  topic:")
		b.turnedAway(file, "target.tls_invalid", func() { f.present(t, -time.Minute); f.cut() }, func() { f.present(t, time.Hour) })
	})
}

func setPassword(t *testing.T, admin *kafka.Client, user, password string) {
	t.Helper()
	salt := []byte("salt of a test")
	salted, err := pbkdf2.Key(sha256.New, password, salt, 4096, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	ask := &kafka.AlterUserScramCredentialsRequest{Upsertions: []kafka.UserScramCredentialsUpsertion{
		{Name: user, Mechanism: kafka.ScramMechanismSha256, Iterations: 4096, Salt: salt, SaltedPassword: salted}}}
	res, err := admin.AlterUserScramCredentials(t.Context(), ask)
	if errors.Is(err, io.ErrUnexpectedEOF) { // a connection from before the broker was restarted
		res, err = admin.AlterUserScramCredentials(t.Context(), ask)
	}
	if err != nil || len(res.Results) != 1 || res.Results[0].Error != nil {
		t.Fatal(err, res)
	}
}

// front speaks TLS for a broker, with a certificate that can be changed.
type front struct {
	addr, upstream, ca string
	root               *x509.Certificate
	key                *ecdsa.PrivateKey // of both certificates
	shown              atomic.Pointer[tls.Certificate]

	mu    sync.Mutex
	conns []net.Conn
}

func newFront(t *testing.T) *front {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{addr: servers.FreeAddress(t), upstream: servers.FreeAddress(t), key: key, ca: filepath.Join(t.TempDir(), "ca.pem")}
	f.root = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now().Add(-2 * time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	if err := os.WriteFile(f.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.sign(t, f.root)}), 0o600); err != nil {
		t.Fatal(err)
	}
	f.present(t, time.Hour)
	l, err := tls.Listen("tcp", f.addr, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.shown.Load(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); f.cut() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f
}

func (f *front) sign(t *testing.T, c *x509.Certificate) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, f.root, f.key.Public(), f.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// present shows new clients a certificate that is valid for so long; less than zero: that ran out.
func (f *front) present(t *testing.T, valid time.Duration) {
	t.Helper()
	der := f.sign(t, &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "broker"}, NotBefore: f.root.NotBefore,
		NotAfter: time.Now().Add(valid), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	f.shown.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: f.key})
}

func (f *front) serve(c net.Conn) {
	defer c.Close()
	b, err := net.Dial("tcp", f.upstream)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.conns = append(f.conns, c, b)
	f.mu.Unlock()
	go func() { _, _ = io.Copy(b, c); b.Close() }()
	_, _ = io.Copy(c, b)
}

// cut ends all connections.
func (f *front) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}
