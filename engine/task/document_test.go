package task

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestDocumentIsReadBackWithoutPasswords(t *testing.T) {
	t.Parallel()
	spec := Spec{
		Name:   "orders",
		Source: Source{Host: "db.example", Port: 3306, User: "dts", Password: "s3cret-of-source", TLS: TLS{Mode: "require"}},
		Target: Target{Brokers: []string{"k1.example:9092", "k2.example:9092"}, User: "kafka", Password: "s3cret-of-target", Mechanism: "SCRAM-SHA-256", Topic: "orders", Partitions: 3},
		Schema: true, Full: true, Incremental: true, Policy: PolicyKey, Rate: 6000,
		Tables: []Table{{Schema: "shop", Name: "订单", ToName: "orders", Where: "region = 'cn: east'", DML: []string{"insert"}, Rename: map[string]string{"a": "b"}}},
		New:    []Table{{Schema: "shop", Name: "*", Topic: "new"}}, OnlineDDL: HideOnlineDDL,
	}
	for name, change := range map[string]func(*Spec){
		"with sign-in":    func(*Spec) {},
		"without sign-in": func(s *Spec) { s.Target.User, s.Target.Password, s.Target.Mechanism = "", "", "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := spec
			change(&want)
			text, err := want.Document()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(text, "s3cret") {
				t.Fatalf("a password is in the file:\n%s", text)
			}
			path := filepath.Join(t.TempDir(), "task.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := LoadFile(path, func(name string) string {
				return map[string]string{sourcePasswordEnv: "s3cret-of-source", targetPasswordEnv: "s3cret-of-target"}[name]
			})
			if err != nil {
				t.Fatalf("%v in:\n%s", err, text)
			}
			if want.Defaults(); !reflect.DeepEqual(*got, want) {
				t.Errorf("read back:\n%#v\nwant:\n%#v\nfile:\n%s", *got, want, text)
			}
		})
	}
}
