package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"

	"sluice/engine/task"
)

// diagnose finds out why a broker closed the connection instead of answering, by trying what it may have expected.
func (c *Client) diagnose(ctx context.Context, err error) error {
	var record tls.RecordHeaderError
	lost := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	timeout := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if !lost && !timeout && !errors.As(err, &record) {
		return err
	}
	for _, addr := range c.addrs {
		if e := c.probe(ctx, addr); e != nil {
			e.Err = err
			return e
		}
	}
	return err
}

// probe is nil if the port behaves as configured.
func (c *Client) probe(ctx context.Context, addr string) *task.Error {
	withTLS, plain := speaks(ctx, addr, true), speaks(ctx, addr, false)
	switch {
	case c.transport.TLS == nil && withTLS && !plain:
		return &task.Error{Code: "target.tls_required", Text: "The port expects TLS", Hint: "Turn TLS on for this target, or use the port of a plain listener."}
	case c.transport.TLS != nil && plain && !withTLS:
		return tlsNotOffered()
	case !plain && !withTLS:
		return nil
	case c.user == "":
		return &task.Error{Code: "target.login_required", Text: "The broker closed the connection: the port expects a sign-in", Hint: "Give user, password and mechanism, or use the port of a listener without SASL."}
	}
	return &task.Error{Code: "target.login_failed", Text: "The broker closed the connection during the sign-in",
		Hint: "Check user, password and mechanism, and that the port is that of a SASL listener."}
}

// speaks reports whether the port answers the first question of a Kafka client.
func speaks(ctx context.Context, addr string, encrypted bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	if encrypted {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // nothing is sent but the question
	}
	_, err = protocol.NewConn(conn, clientID).RoundTrip(new(apiversions.Request))
	return err == nil
}
