package kafka

import (
	"context"
	"net"
	"slices"
	"strconv"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Broker is one broker of the cluster, at the address that it advertises.
type Broker struct {
	ID   int
	Addr string // host:port
}

// Brokers lists the brokers that are up, by id.
func (c *Client) Brokers(ctx context.Context) ([]Broker, error) {
	var list []Broker
	err := c.patiently(ctx, shortPatience, "listing brokers", "", func() error {
		m, err := c.metadata(ctx, []string{})
		if err != nil {
			return err
		}
		list = brokers(m)
		return nil
	})
	return list, err
}

func brokers(m *metadata.Response) []Broker {
	list := make([]Broker, len(m.Brokers))
	for i, b := range m.Brokers {
		list[i] = Broker{int(b.NodeID), net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))}
	}
	slices.SortFunc(list, func(a, b Broker) int { return a.ID - b.ID })
	return list
}

// fetches says which Kafka knows which version of Fetch at most: of all requests it changed most often.
var fetches = []struct {
	version  int16
	from, to string
}{
	{-1, "", "0.10"}, {3, "0.10", "0.10"}, {4, "0.11", "0.11"}, {6, "1.0", "1.0"}, {7, "1.1", "1.1"}, {8, "2.0", "2.0"}, {10, "2.1", "2.2"}, {11, "2.3", "2.6"},
	{12, "2.7", "3.0"}, {13, "3.1", "3.4"}, {15, "3.5", "3.6"}, {16, "3.7", "3.8"}, {17, "3.9", "4.0"}, {18, "4.1", ""},
}

// Version tells from which Kafka, and up to which, brokers answer as this one does. An end that is not known is "".
func (c *Client) Version(ctx context.Context) (from, to string, err error) {
	err = c.patiently(ctx, shortPatience, "asking for the broker's version", "", func() error {
		newest, err := c.newestVersions(ctx)
		if fetch, known := newest[protocol.Fetch]; known {
			from, to = versions(fetch)
		}
		return err
	})
	return from, to, err
}

// versions gives the first and the last Kafka with the version of Fetch; the last may be open.
func versions(fetch int16) (from, to string) {
	for _, f := range fetches {
		if f.version <= fetch {
			from, to = f.from, f.to
		}
	}
	return from, to
}
