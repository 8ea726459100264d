"""Prints the rows of a topic in DTS Avro.

    pip install fastavro kafka-python
    python read.py BROKERS TOPIC dts-record.avsc
"""
import datetime
import decimal
import io
import sys

import fastavro
import kafka

# MySQL names of charsets that Python calls otherwise.
CHARSETS = {"utf8mb4": "utf-8", "utf8": "utf-8", "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf32": "utf-32-be"}


def value(v):
    """An image's value: None, or the name of its branch and the parts."""
    if v is None:
        return None
    branch, parts = v[0].rsplit(".", 1)[-1], v[1]
    if branch == "Integer":
        return int(parts["value"])
    if branch == "Decimal":
        return decimal.Decimal(parts["value"])
    if branch == "Timestamp":  # millis are microseconds
        return datetime.datetime.fromtimestamp(parts["timestamp"], datetime.timezone.utc) + datetime.timedelta(microseconds=parts["millis"])
    if branch == "DateTime":  # no datetime: it may be 0000-00-00, or a TIME of 838 hours
        return {k: n for k, n in parts.items() if n is not None}
    if branch == "Character" and parts["charset"] != "binary":
        return parts["value"].decode(CHARSETS.get(parts["charset"], parts["charset"]))
    if branch == "BinaryObject" and parts["type"] == "text":
        return parts["value"].decode("utf-8")
    return parts["value"]  # Float, TextObject, and bytes


def image(fields, values):
    return None if values is None else {f["name"]: value(v) for f, v in zip(fields, values)}


def main(brokers, topic, schema):
    schema = fastavro.schema.load_schema(schema)
    consumer = kafka.KafkaConsumer(topic, bootstrap_servers=brokers.split(","), auto_offset_reset="earliest")
    for message in consumer:
        r = fastavro.schemaless_reader(io.BytesIO(message.value), schema, return_record_name=True, return_record_name_override=True)
        if r["operation"] == "DDL":
            print("DDL", r["objectName"], r["afterImages"], flush=True)
        elif r["operation"] != "HEARTBEAT":
            print(r["operation"], r["objectName"], image(r["fields"], r["beforeImages"]), "->", image(r["fields"], r["afterImages"]), flush=True)


main(*sys.argv[1:])
