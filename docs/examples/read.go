//go:build ignore

// Read prints the rows of a topic in DTS Avro.
//
//	go get github.com/segmentio/kafka-go github.com/linkedin/goavro/v2
//	go run read.go BROKERS TOPIC dts-record.avsc
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/linkedin/goavro/v2"
	"github.com/segmentio/kafka-go"
)

func main() {
	schema, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	codec, err := goavro.NewCodec(string(schema))
	if err != nil {
		log.Fatal(err)
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: strings.Split(os.Args[1], ","), GroupID: "read-go", Topic: os.Args[2], StartOffset: kafka.FirstOffset})
	for {
		message, err := reader.ReadMessage(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		native, _, err := codec.NativeFromBinary(message.Value)
		if err != nil {
			log.Fatal(err)
		}
		r := native.(map[string]any)
		_, object := branch(r["objectName"])
		_, fields := branch(r["fields"])
		_, before := branch(r["beforeImages"])
		_, after := branch(r["afterImages"])
		switch r["operation"] {
		case "HEARTBEAT":
		case "DDL":
			fmt.Println("DDL", object, after)
		default:
			fmt.Println(r["operation"], object, image(fields, before), "->", image(fields, after))
		}
	}
}

// branch takes a union apart: goavro gives a map of one entry, or nil.
func branch(union any) (string, any) {
	m, _ := union.(map[string]any)
	for name, v := range m {
		return name[strings.LastIndexByte(name, '.')+1:], v
	}
	return "", nil
}

func image(fields, values any) map[string]any {
	list, ok := values.([]any)
	if !ok {
		return nil
	}
	out := map[string]any{}
	for i, f := range fields.([]any) {
		out[f.(map[string]any)["name"].(string)] = value(list[i])
	}
	return out
}

// value of a column. Numbers stay texts: a BIGINT UNSIGNED or a DECIMAL may not fit into Go's own.
func value(union any) any {
	name, v := branch(union)
	parts, _ := v.(map[string]any)
	switch name {
	case "":
		return nil
	case "Character": // in the charset that parts["charset"] names
		if charset := parts["charset"]; charset == "utf8mb4" || charset == "utf8" || charset == "ascii" {
			return string(parts["value"].([]byte))
		}
	case "BinaryObject":
		if parts["type"] == "text" {
			return string(parts["value"].([]byte))
		}
	case "Timestamp", "DateTime": // all their parts; millis are microseconds
		return parts
	}
	return parts["value"]
}
