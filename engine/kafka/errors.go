package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"sluice/engine/task"
)

// explain turns what the library or the broker said into what a person can act on. Topic may be empty.
func (c *Client) explain(op, topic string, err error) *task.Error {
	var known *task.Error
	if errors.As(err, &known) {
		e := *known // it may be that of several partitions
		e.Op = cmp.Or(e.Op, op)
		return &e
	}
	e := c.fromCode(topic, err)
	if e == nil {
		e = fromLocal(topic, err)
	}
	if e == nil {
		e = fromTLS(err)
	}
	if e == nil {
		e = fromNetwork(err)
	}
	if e == nil {
		e = &task.Error{Code: "target.failed", Text: "The Kafka request did not succeed"}
	}
	e.Op, e.Err = op, err
	return e
}

// fromCode explains an error that a broker answered with.
func (c *Client) fromCode(topic string, err error) *task.Error {
	var code kafka.Error
	if !errors.As(err, &code) {
		return nil
	}
	switch code {
	case kafka.SASLAuthenticationFailed:
		return &task.Error{Code: "target.login_failed", Text: "Kafka refused the user name or password",
			Hint: "Check the user, the password and the mechanism: a SCRAM user exists for each mechanism by itself."}
	case kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState:
		return &task.Error{Code: "target.mechanism_unsupported", Text: "The broker does not offer the sign-in mechanism " + c.mechanism,
			Hint: "Choose one that the listener has in sasl.enabled.mechanisms: SCRAM-SHA-256, SCRAM-SHA-512 (both since Kafka 0.10.2) or PLAIN."}
	case kafka.TopicAuthorizationFailed:
		return c.denied("target.topic_denied", fmt.Sprintf("The user may not use topic %q", topic),
			fmt.Sprintf("--operation Read --operation Write --operation Create --operation Describe --operation DescribeConfigs --topic %s", topic))
	case kafka.GroupAuthorizationFailed:
		return c.denied("target.group_denied", "The user may not use the consumer group", "--operation Read --group '*'")
	case kafka.ClusterAuthorizationFailed:
		return c.denied("target.cluster_denied", "The user may not write idempotently, or not create topics", "--operation IdempotentWrite --operation Create --cluster")
	case kafka.TransactionalIDAuthorizationFailed:
		return c.denied("target.transaction_denied", "The user may not write with this transactional id", "--operation Write --transactional-id '*'")
	case kafka.UnknownTopicOrPartition:
		return absent(topic)
	}
	if e := fromRefusal(topic, code); e != nil {
		return e
	}
	return fromState(topic, code)
}

func absent(topic string) *task.Error {
	return &task.Error{Code: "target.topic_absent", Text: fmt.Sprintf("Topic %q or the partition does not exist, or the user may not see it", topic),
		Hint: "Create the topic, let the task create it (schema phase), or grant Describe on it."}
}

func (c *Client) denied(code, text, operations string) *task.Error {
	user := c.user
	if user == "" {
		user = "ANONYMOUS"
	}
	return &task.Error{Code: code, Text: text,
		Hint: fmt.Sprintf("kafka-acls.sh --bootstrap-server %s --add --allow-principal User:%s %s", c.addr, user, operations)}
}

// fromRefusal explains what the broker will not do however often it is asked.
func fromRefusal(topic string, code kafka.Error) *task.Error {
	switch code {
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge:
		return &task.Error{Code: "target.message_too_large", Text: fmt.Sprintf("A message is larger than topic %q takes", topic),
			Hint: fmt.Sprintf("kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config max.message.bytes=20971520 (at most segment.bytes)", topic)}
	case kafka.InvalidTopic:
		return &task.Error{Code: "target.topic_invalid", Text: fmt.Sprintf("%q can't be the name of a topic, or is one of Kafka's own", topic),
			Hint: "Use letters, digits, dot, underscore and dash, at most 249."}
	case kafka.TopicAlreadyExists:
		return &task.Error{Code: "target.topic_exists", Text: fmt.Sprintf("Topic %q exists already", topic)}
	case kafka.InvalidPartitionNumber:
		return &task.Error{Code: "target.partitions_invalid", Text: fmt.Sprintf("Topic %q can't have this number of partitions", topic)}
	case kafka.InvalidReplicationFactor:
		return &task.Error{Code: "target.replication_invalid", Text: fmt.Sprintf("Topic %q can't have this replication factor", topic),
			Hint: "It may be at most the number of brokers that are up."}
	case kafka.InvalidConfiguration, kafka.PolicyViolation:
		return &task.Error{Code: "target.topic_refused", Text: fmt.Sprintf("The cluster's rules refuse topic %q as asked", topic),
			Hint: "See the cause: a configuration is invalid or the cluster's create.topic.policy forbids it."}
	case kafka.InvalidTimestamp:
		return &task.Error{Code: "target.clock", Text: "The broker refused the time of the messages",
			Hint: "Set the clock of this machine: it is more than message.timestamp.after.max.ms away from the broker's."}
	case kafka.InvalidRecord:
		return &task.Error{Code: "target.record_refused", Text: fmt.Sprintf("Topic %q refused a record", topic),
			Hint: "If cleanup.policy is compact every message needs a key: use a topic with cleanup.policy=delete."}
	case kafka.UnsupportedForMessageFormat:
		return &task.Error{Code: "target.message_format", Text: fmt.Sprintf("Topic %q keeps an old message format", topic),
			Hint: "Set message.format.version of the topic to 0.11 or later."}
	case kafka.UnsupportedCompressionType:
		return &task.Error{Code: "target.compression_unsupported", Text: "The broker does not know this compression",
			Hint: "zstd needs Kafka 2.1 or later: choose lz4, snappy or gzip."}
	case kafka.UnsupportedVersion:
		return &task.Error{Code: "target.version_unsupported", Text: "The broker does not know this request", Hint: "Use Kafka 0.10.1 or later."}
	}
	return nil
}

// fromState explains where a broker, a partition or a producer stands.
func fromState(topic string, code kafka.Error) *task.Error {
	switch code {
	case kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend:
		return &task.Error{Code: "target.replicas_missing", Text: fmt.Sprintf("Topic %q has fewer replicas in sync than min.insync.replicas", topic),
			Hint: "Bring the brokers back; the task goes on by itself.", Retry: true}
	case kafka.KafkaStorageError:
		return &task.Error{Code: "target.disk_failed", Text: "The broker can't write to its disk", Hint: "See the broker's log; is its disk full?", Retry: true}
	case kafka.OutOfOrderSequenceNumber, kafka.DuplicateSequenceNumber:
		return &task.Error{Code: "target.sequence", Text: fmt.Sprintf("The broker did not expect this batch in topic %q", topic), Retry: true}
	case kafka.InvalidProducerEpoch, kafka.ProducerFenced, kafka.InvalidProducerIDMapping:
		return &task.Error{Code: "target.fenced", Text: "Another run of this task has taken over", Hint: "Only one process may run a task; end the other one, or leave it to it."}
	case kafka.UnknownProducerId:
		return &task.Error{Code: "target.producer_expired", Text: "The broker has forgotten the producer", Retry: true}
	case kafka.OffsetOutOfRange:
		return &task.Error{Code: "target.offset_gone", Text: fmt.Sprintf("Topic %q does not hold this offset", topic)}
	case kafka.LeaderNotAvailable, kafka.NotLeaderForPartition, kafka.ReplicaNotAvailable, kafka.BrokerNotAvailable,
		kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch, kafka.NotController:
		return noLeader(topic)
	}
	return &task.Error{Code: "target.failed", Text: fmt.Sprintf("Kafka answered with error %d", int(code)), Retry: code.Temporary() || code.Timeout() || code == kafka.Unknown}
}

func noLeader(topic string) *task.Error {
	return &task.Error{Code: "target.no_leader", Text: fmt.Sprintf("The partition of topic %q has no leader that can be reached now", topic),
		Hint: "A broker is down or a new leader is being elected; the task goes on by itself.", Retry: true}
}

// fromLocal explains what the library found in its metadata without asking a broker.
func fromLocal(topic string, err error) *task.Error {
	switch {
	case errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition):
		return absent(topic)
	case errors.Is(err, protocol.ErrNoLeader):
		return noLeader(topic)
	}
	return nil
}

func fromTLS(err error) *task.Error {
	const hint = "Give the CA that signed the broker's certificate (ca_file), or choose TLS mode \"require\" to encrypt without checking."
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch {
	case errors.As(err, &authority):
		return &task.Error{Code: "target.tls_untrusted", Text: "The broker's certificate is signed by a CA that is not trusted", Hint: hint}
	case errors.As(err, &host):
		return &task.Error{Code: "target.tls_hostname", Text: "The broker's certificate is for another host name",
			Hint: "Use the name in the certificate, also in advertised.listeners, or choose TLS mode \"ca\"."}
	case errors.As(err, &invalid):
		return &task.Error{Code: "target.tls_invalid", Text: "The broker's certificate is not valid (expired, not yet valid, or not for servers)", Hint: "Renew the certificate, or check the clock of this machine."}
	case errors.As(err, &record):
		return tlsNotOffered()
	case errors.As(err, &alert):
		return &task.Error{Code: "target.tls_refused", Text: "The broker ended the TLS handshake", Hint: "It may want a client certificate (ssl.client.auth=required) or another version of TLS."}
	}
	return nil
}

func tlsNotOffered() *task.Error {
	return &task.Error{Code: "target.tls_not_offered", Text: "The port does not speak TLS", Hint: "Turn TLS off for this target, or use the port of an SSL or SASL_SSL listener."}
}

func fromNetwork(err error) *task.Error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return &task.Error{Code: "target.host_unknown", Text: fmt.Sprintf("The host name %q can't be resolved", dns.Name), Hint: "Check the broker's name, and the names in advertised.listeners.", Retry: true}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &task.Error{Code: "target.refused", Text: "Nothing listens on the broker's port", Hint: "Check host and port, also in advertised.listeners, and that the broker runs.", Retry: true}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return &task.Error{Code: "target.unreachable", Text: "There is no way to the broker's host", Hint: "Check the network, and the hosts in advertised.listeners.", Retry: true}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &task.Error{Code: "target.timeout", Text: "The broker did not answer in time", Hint: "Check the network, a firewall, and the hosts in advertised.listeners.", Retry: true}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &task.Error{Code: "target.connection_lost", Text: "The broker closed the connection", Hint: "The broker is going down or restarting; the task goes on by itself. If it never answered: the port may not be Kafka's, or the broker is older than Kafka 0.10.1.", Retry: true}
	}
	return nil
}
