// Package dts writes and reads the message values of Alibaba Cloud DTS: one Avro Record in raw binary, with no schema
// id and no header before it. TYPES.md says how each MySQL type is carried.
//
// [Codec.Encode] appends bytes written by hand, because it runs for every row; what is the same for all rows of one
// table version is encoded once (a plan). [Codec.Identity] finds the tag that makes re-sent records recognisable
// without decoding the rest. [Decode] reads a whole message through goavro, for people.
//
// A value is carried exactly or not at all: an unknown type or charset, or bytes that are not valid in a charset that
// has to be converted, is an error that names the column. A message is never 48 bytes long, because the vendor's
// demo client spins for ever on one; the two tags that every record has make it longer.
//
// record.avsc is the vendor's schema as one self-contained record. The same schema is published under Apache-2.0 in
// github.com/aliyun/aliyun-dts-subscribe-demo (python/dts_record_avsc).
package dts
