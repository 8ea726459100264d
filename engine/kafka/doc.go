// Package kafka is the only room that speaks to Kafka: it dials, asks for and creates topics, produces idempotent
// batches, and reads partitions back. [Client] satisfies engine.Sink.
//
// Guarantees. A batch is sent with acks=all, as one record batch of magic 2 with the producer id, epoch and sequence
// that the engine gave; the broker stores the same (id, epoch, sequence) once. A broker of 0.10 knows no producer ids
// and takes a set of messages of magic 1; nothing there tells a resend from a new request. Small batches for partitions
// of one leader may share a produce request: each has an outcome of its own, and what is not known of the request is
// known of none of them. Produce makes one attempt and never resends by itself: it says what is known of the outcome,
// and after a change of leaders it has already fetched the metadata anew, so that the resend goes to the new leader.
// Scan gives every record of the range once, in order, without control records, whatever the compression.
//
// Of a record set all or nothing is appended, but for a broker that dies while it writes messages of magic 1.
//
// Not guaranteed: order of two requests in flight on one partition (connections are pooled: the caller keeps one in
// flight), and records of aborted transactions of foreign producers are not hidden.
//
// An attempt takes at most [Client.RequestTimeout], waiting for others included; a broker may hold an append half of that
// and no longer.
//
// Size of batches. A broker compares a whole batch, after compression, with max.message.bytes of the topic: ask
// [Client.Limits], and keep [Overhead] plus [MessageOverhead] and the length of key and value of each message below it.
package kafka
