package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"sluice/engine/task"
)

// DefaultTimeout is how long a request may take where nothing else is said.
const DefaultTimeout = 30 * time.Second

const (
	defaultPort = "9092"
	dialTimeout = 10 * time.Second
	// metadataTTL is also how long the library waits for metadata.
	metadataTTL = 2 * time.Second
)

// Client is a connected target. It is safe for use by several goroutines.
type Client struct {
	kafka     *kafka.Client
	transport *transport
	addr      net.Addr
	addrs     []string
	timeout   time.Duration
	codec     compress.Compression
	old       bool // before Kafka 0.11: messages of magic 1, no producer ids
	user      string
	mechanism string
	encoders  sync.Pool
	queues    sync.Map // by the id of a broker
	refreshes refreshes
}

// Option changes how Open connects.
type Option func(*Client)

// WithTimeout sets how long a request may take.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithTrace calls dialed whenever a port answers, and encrypted whenever a TLS handshake is over.
func WithTrace(dialed func(local net.Addr), encrypted func()) Option {
	return func(c *Client) {
		dial := c.transport.Dial
		c.transport.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err == nil {
				dialed(conn.LocalAddr())
			}
			return conn, err
		}
		if c.transport.TLS == nil {
			return
		}
		verify := c.transport.TLS.VerifyConnection
		c.transport.TLS.VerifyConnection = func(s tls.ConnectionState) error {
			if verify != nil {
				if err := verify(s); err != nil {
					return err
				}
			}
			encrypted()
			return nil
		}
	}
}

// RequestTimeout is how long a request may take; a broker may hold an append half of it.
func (c *Client) RequestTimeout() time.Duration { return c.timeout }

// Open connects to the first broker that answers and checks that the cluster can be used: sign-in, version, metadata.
func Open(ctx context.Context, t task.Target, options ...Option) (*Client, error) {
	const op = "connecting to Kafka"
	c, err := configure(t)
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		o(c)
	}
	c.kafka = &kafka.Client{Addr: c.addr, Timeout: c.timeout, Transport: c.transport}
	if err := c.checkVersions(ctx); err != nil {
		found := c.diagnose(ctx, err)
		c.Close()
		return nil, c.explain(op, "", found)
	}
	if _, err := c.metadata(ctx, []string{}); err != nil {
		found := c.diagnose(ctx, err)
		c.Close()
		return nil, c.explain(op, "", found)
	}
	return c, nil
}

// Close ends all connections; those in use end when their requests do. Later calls fail.
func (c *Client) Close() error {
	c.transport.closed.Store(true)
	c.queues.Range(func(_, q any) bool { q.(*queue).giveBack(nil); return true })
	c.transport.CloseIdleConnections()
	return nil
}

func configure(t task.Target) (*Client, error) {
	addrs, err := addresses(t.Brokers)
	if err != nil {
		return nil, err
	}
	c := &Client{addr: kafka.TCP(addrs...), addrs: addrs, timeout: DefaultTimeout, user: t.User}
	c.encoders.New = func() any { return new(encoder) }
	if t.Compression != "" {
		if err := c.codec.UnmarshalText([]byte(t.Compression)); err != nil {
			return nil, &task.Error{Code: "target.compression_unknown", Text: fmt.Sprintf("There is no compression %q", t.Compression), Hint: "none, gzip, snappy, lz4 or zstd"}
		}
	}
	c.transport = &transport{Transport: kafka.Transport{ClientID: clientID, MetadataTTL: metadataTTL, DialTimeout: dialTimeout, Dial: dial}}
	if c.transport.TLS, err = tlsConfig(t.TLS); err != nil {
		return nil, err
	}
	if t.User != "" {
		c.mechanism = cmp.Or(strings.ToUpper(t.Mechanism), "SCRAM-SHA-256")
		if c.transport.SASL, err = signIn(c.mechanism, t.User, t.Password); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// dial has the kernel drop what is not sent yet when a connection ends, also by the end of the process: a request that
// was given up must not go out late.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout / 2}).DialContext(ctx, network, addr)
	if c, ok := conn.(*net.TCPConn); ok && err == nil {
		err = c.SetLinger(0)
	}
	return conn, err
}

// addresses adds the default port where none is given.
func addresses(brokers []string) ([]string, error) {
	var out []string
	for _, b := range brokers {
		for _, addr := range strings.FieldsFunc(b, func(r rune) bool { return r == ',' || r == ' ' }) {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				addr = net.JoinHostPort(strings.Trim(addr, "[]"), defaultPort)
			}
			if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
				return nil, &task.Error{Code: "target.broker_invalid", Text: fmt.Sprintf("%q is not host:port", b), Hint: "kafka1.example:9092"}
			}
			out = append(out, addr)
		}
	}
	if len(out) == 0 {
		return nil, &task.Error{Code: "target.brokers_missing", Text: "No broker is given", Hint: "Give at least one as host:port."}
	}
	return out, nil
}

func signIn(mechanism, user string, password task.Secret) (sasl.Mechanism, error) {
	switch mechanism {
	case "PLAIN":
		return plain.Mechanism{Username: user, Password: password.Reveal()}, nil
	case "SCRAM-SHA-256", "SCRAM-SHA-512":
		algorithm := scram.SHA256
		if mechanism == "SCRAM-SHA-512" {
			algorithm = scram.SHA512
		}
		m, err := scram.Mechanism(algorithm, user, password.Reveal())
		if err != nil { // the cause may quote what it could not prepare
			return nil, &task.Error{Code: "target.login_invalid", Text: "The user name or password holds characters that SCRAM does not allow"}
		}
		return m, nil
	}
	return nil, &task.Error{Code: "target.mechanism_unknown", Text: fmt.Sprintf("There is no sign-in mechanism %q", mechanism), Hint: "SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN"}
}

// tlsConfig is nil for a plain connection.
func tlsConfig(t task.TLS) (*tls.Config, error) {
	if t.Mode == "" || t.Mode == "off" {
		return nil, nil
	}
	var roots *x509.CertPool // nil: those of the system
	if t.CAFile != "" || t.CA != "" {
		pem, err := []byte(t.CA), error(nil)
		if t.CAFile != "" {
			pem, err = os.ReadFile(t.CAFile)
		}
		roots = x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			return nil, &task.Error{Code: "target.ca_file", Text: fmt.Sprintf("The CA file %q can't be read as PEM certificates", t.CAFile), Err: err}
		}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	switch t.Mode {
	case "full":
	case "require":
		config.InsecureSkipVerify = true
	case "ca":
		config.InsecureSkipVerify = true // the host name; the chain is checked here
		config.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, roots) }
	default:
		return nil, &task.Error{Code: "target.tls_mode", Text: fmt.Sprintf("There is no TLS mode %q", t.Mode), Hint: "off, require, ca or full"}
	}
	return config, nil
}

func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, cert := range s.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// checkVersions finds out what the broker speaks. Creating topics, offsets by number and Fetch 3 came with 0.10.1; record
// batches of magic 2 and idempotence came together with Produce 3.
func (c *Client) checkVersions(ctx context.Context) error {
	newest, err := c.newestVersions(ctx)
	if err != nil {
		return err
	}
	produce, known := newest[protocol.Produce]
	fetch, both := newest[protocol.Fetch]
	switch {
	case both && fetch < fetchOldest:
		return &task.Error{Code: "target.version_unsupported", Text: "The broker is older than Kafka 0.10.1", Hint: "Use Kafka 0.10.1 or later."}
	case known && produce < 7 && c.codec == compress.Zstd:
		return kafka.UnsupportedCompressionType
	}
	c.old = known && produce < 3
	return nil
}

// newestVersions asks a broker for the newest version of each request that it knows.
func (c *Client) newestVersions(ctx context.Context) (map[protocol.ApiKey]int16, error) {
	m, err := c.roundTrip(ctx, &direct{request: new(apiversions.Request), broker: anyBroker})
	if err != nil {
		return nil, err
	}
	res := m.(*apiversions.Response)
	if res.ErrorCode != 0 {
		return nil, kafka.Error(res.ErrorCode)
	}
	newest := map[protocol.ApiKey]int16{}
	for _, k := range res.ApiKeys {
		newest[protocol.ApiKey(k.ApiKey)] = k.MaxVersion
	}
	return newest, nil
}
