"""Reads DTS records, one as hex a line, with fastavro; prints each as a line of JSON.

usage: dts_read.py SCHEMA.avsc   (the single-record schema). DtsRead.java prints the same,
but for bornTimestamp, which the official reader does not know.
"""
import datetime
import io
import json
import sys

import fastavro

KINDS = {
    "Integer": "INTEGER_NUMERIC",
    "Character": "STRING",
    "Decimal": "DECIMAL_NUMERIC",
    "Float": "FLOAT_NUMERIC",
    "Timestamp": "UNIX_TIMESTAMP",
    "DateTime": "DATETIME",
    "TimestampWithTimeZone": "DATETIME",
    "BinaryGeometry": "WKB_GEOMETRY",
    "TextGeometry": "WKT_GEOMETRY",
    "BinaryObject": "BINARY_ENCODING_OBJECT",
    "TextObject": "TEXT_ENCODING_OBJECT",
}

# MySQL names of character sets, where Python has another name or none.
CHARSETS = {"utf8mb4": "utf-8", "utf8mb3": "utf-8", "binary": "latin-1", "latin1": "cp1252", "ucs2": "utf-16-be",
            "utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be", "sjis": "shift_jis", "ujis": "euc_jp",
            "eucjpms": "euc_jp", "koi8r": "koi8-r", "koi8u": "koi8-u", "dec8": "latin-1", "swe7": "latin-1", "geostd8": "latin-1",
            "keybcs2": "latin-1", "armscii8": "latin-1"}


def fraction(micros):
    return "." + (("%06d" % micros).rstrip("0") or "0")


def date_time(p):
    part = {k: v for k, v in p.items() if v is not None}
    minus = any(v < 0 for v in part.values())
    part = {k: abs(v) for k, v in part.items()}
    day = "-".join(w % part[k] for k, w in (("year", "%04d"), ("month", "%02d"), ("day", "%02d")) if k in part)
    time = ":".join("%02d" % part[k] for k in ("hour", "minute", "second") if k in part)
    if time and "millis" in part:  # microseconds, whatever the name says
        time += fraction(part["millis"])
    return " ".join(filter(None, (day, ("-" if minus else "") + time)))


def text(branch, p):
    if branch == "Character" and p["charset"]:
        return p["value"].decode(CHARSETS.get(p["charset"], p["charset"]), "replace")
    if branch == "Timestamp":
        at = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=p["timestamp"])
        return at.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0") + fraction(p["millis"])
    if branch == "DateTime":
        return date_time(p)
    if branch == "TimestampWithTimeZone":
        return date_time(p["value"]) + " " + p["timezone"]
    if isinstance(p["value"], bytes):
        return p["value"].hex().upper()
    return str(p["value"])


def parts(p):
    if isinstance(p, dict):
        return {k: parts(v) for k, v in p.items()}
    return p.hex() if isinstance(p, bytes) else p


def value(v):
    if v is None:
        return None
    name, p = v
    branch = name.rsplit(".", 1)[-1]
    if branch == "EmptyObject":
        return {"kind": "NONE", "text": p}
    return {"kind": KINDS[branch], "text": text(branch, p), "branch": branch, "parts": parts(p)}


def image(fields, values):
    if values is None:
        return None
    if isinstance(values, str):  # the statement of a DDL
        return {"ddl": {"kind": "STRING", "text": values}}
    if len(values) != len(fields):
        raise ValueError("%d values for %d fields" % (len(values), len(fields)))
    return {f["name"]: value(v) for f, v in zip(fields, values)}


def read(schema, data):
    stream = io.BytesIO(data)
    r = fastavro.schemaless_reader(stream, schema, return_record_name=True, return_record_name_override=True)
    if stream.read(1):
        raise ValueError("bytes left over behind the record")
    keys = json.loads(r["tags"].get("pk_uk_info", "{}"))
    primary = set(keys.pop("PRIMARY", []))
    unique = {column for columns in keys.values() for column in columns}
    fields = [{"name": f["name"], "type": f["dataTypeNumber"], "primary": f["name"] in primary, "unique": f["name"] in unique}
              for f in (r["fields"] or [])]
    before, after = (image(fields, r[k]) for k in ("beforeImages", "afterImages"))
    if isinstance(r["afterImages"], str):
        fields = [{"name": "ddl", "type": 0, "primary": False, "unique": False}]
    names = [n.replace("\\u002E", ".") for n in (r["objectName"] or "").split(".")]
    return {
        "version": r["version"],
        "id": r["id"],
        "sourceTimestamp": r["sourceTimestamp"],
        "bornTimestamp": r["bornTimestamp"],
        "sourcePosition": r["sourcePosition"],
        "safeSourcePosition": r["safeSourcePosition"],
        "sourceTxid": r["sourceTxid"],
        "source": r["source"]["sourceType"] + " " + r["source"]["version"],
        "operation": r["operation"],
        "objectName": r["objectName"],
        "database": names[0] or None,
        "table": names[-1] if len(names) > 1 else None,
        "tags": r["tags"],
        "fields": fields,
        "before": before,
        "after": after,
    }


def main():
    schema = fastavro.schema.load_schema(sys.argv[1])
    sys.stdout.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        try:
            result = read(schema, bytes.fromhex(line))
        except Exception as e:
            result = {"error": repr(e)}
        print(json.dumps(result, ensure_ascii=False))


main()
