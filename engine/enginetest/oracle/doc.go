// Package oracle checks what a task left in Kafka against what really happened, sharing no code with the engine: it
// imports the standard library, franz-go and goavro only.
//
// A [Ledger] is read from the text that mysqlbinlog or mariadb-binlog prints, [Record]s from the topics, [Contents]
// from SELECTs by the server's own client program. All three bring a row to one canonical text and keep its 128-bit
// hash; [Check] compares them:
//
//   - of each key at most one INIT, whose image is the state after some prefix of the ledger of that key, then
//     exactly the rest, in order, with equal images; a key without INIT begins where it did not exist;
//   - a table without a key is one sequence whose state is the multiset of its rows;
//   - every identity at most once over all partitions, a key's records in one partition;
//   - the state that the topic leaves equals the table.
//
// The ledger checks itself while it is read: the image before each change must be the image that the change before
// left. So an oracle that misreads a definition stops instead of judging.
//
// Topics may hold DTS Avro or Canal JSON.
//
// Not checked: the place of a TRUNCATE against rows of other partitions, values of geometry, text in charsets other
// than utf8, ascii and latin1.
package oracle
