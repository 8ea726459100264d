package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

// loanWords are words that stay as they are in Chinese.
var loanWords = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`Avro Binlog Broker Kafka Leader MariaDB Offset Partition Raft Sluice Topic Unicode XA Zookeeper
		compact key unclean leader zero table all
		English ann transactional`) {
		loanWords[w] = true
	}
}

var (
	quoted  = regexp.MustCompile(`“[^”]*”|「[^」]*」`)
	latin   = regexp.MustCompile(`[A-Za-z][A-Za-z0-9_.'’/:=@*-]*`)
	between = regexp.MustCompile(`^[ ,;:]+$`)
	word    = regexp.MustCompile(`^[A-Za-z]?[a-z’']+[.:]?$`)
)

// english finds runs of English words: two of them side by side that are neither loanWords nor names of settings.
func english(text string) (found []string) {
	text = quoted.ReplaceAllString(text, "“”")
	last := -1
	for _, at := range latin.FindAllStringIndex(text, -1) {
		w := strings.TrimRight(text[at[0]:at[1]], ".:")
		if !word.MatchString(w) || loanWords[w] {
			last = -1
			continue
		}
		if last >= 0 && between.MatchString(text[last:at[0]]) {
			from := strings.LastIndexAny(text[:last], " \n") + 1
			found = append(found, text[from:at[1]])
		}
		last = at[1]
	}
	return found
}

// read gives what a person reads of a page outside what is quoted.
func read(t *testing.T, page string) string {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	doc.Find("code, pre, script, [lang=en], option, input").Remove()
	var lines []string
	doc.Find("*").Contents().Each(func(_ int, s *goquery.Selection) {
		if goquery.NodeName(s) == "#text" {
			lines = append(lines, s.Text())
		}
	})
	return strings.Join(lines, "\n")
}

func chinese(t *testing.T) *views.Page {
	t.Helper()
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &views.Page{Locale: texts.Locale(i18n.Chinese), Now: shelfNow}
}

func shown(t *testing.T, part templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := part.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return read(t, b.String())
}

func keysOf(t *testing.T, path ...string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEnglishIsFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"源库拒绝了账号": 0, "请设置 binlog_row_image=FULL，并重启 Kafka Broker": 0, "GRANT SELECT ON *.* TO x": 0, "源库返回：“no such column”": 0,
		"the source refused the account": 4, "失败：connection refused": 1, "Something unexpected": 1,
	} {
		if got := english(text); len(got) != want {
			t.Errorf("%q: found %q, want %d", text, got, want)
		}
	}
}

// What failed is told in Chinese: whatever the engine said in English is quoted.
func TestChineseErrors(t *testing.T) {
	t.Parallel()
	p, n := chinese(t), 0
	codes := []string{"of.another_version"}
	for key := range keysOf(t, "views", "i18n", "locales", i18n.Chinese, "error.json") {
		if code := strings.TrimPrefix(key, "error."); !strings.HasSuffix(code, ".hint") {
			codes = append(codes, code)
		}
	}
	for _, code := range codes {
		err := &task.Error{Code: code, Op: "reading the binlog", Text: "the English sentence of the engine", Hint: "do this and that", Err: errors.New("what the server said")}
		for _, text := range []string{
			shown(t, views.Problem(p, problem(p, err))),
			shown(t, views.Problem(p, p.Error(code, "an older failure, as it was kept", "do this and that"))),
		} {
			for _, e := range english(text) {
				t.Errorf("%s shows the English %q", code, e)
			}
			n++
		}
	}
	if n < 200 {
		t.Fatalf("only %d failures were looked at", n)
	}
}

var inText = regexp.MustCompile(`{{\.(\w+)}}`)

// What a precheck found is told in Chinese, whatever its parameters are filled with.
func TestChineseFindings(t *testing.T) {
	t.Parallel()
	p, n := chinese(t), 0
	for key, sentence := range keysOf(t, "engine", "precheck", "texts.json") {
		item := &task.CheckItem{ID: "source.version", Status: "failed", Severity: "error", Observed: "an English sentence", Expected: "an English sentence", Cause: "an English sentence", Fix: "an English sentence"}
		switch rest, isFinding := strings.CutPrefix(key, "finding."); {
		case !isFinding:
			item.ID = strings.TrimPrefix(key[:strings.LastIndexByte(key, '.')], "check.")
			item.Status = "waiting"
		case strings.HasPrefix(rest, "error."):
			item.Code, item.Params = "error", map[string]string{"Code": "source.refused", "Text": "nothing listens there", "Hint": "look at the port", "Detail": "connection was refused"}
		default:
			item.Code, item.Params = rest[:strings.LastIndexByte(rest, '.')], map[string]string{}
			for other, text := range keysOf(t, "engine", "precheck", "texts.json") {
				if strings.HasPrefix(other, "finding."+item.Code+".") {
					for _, m := range inText.FindAllStringSubmatch(text, -1) {
						item.Params[m[1]] = filled[m[1]]
					}
				}
			}
			if item.Code == "mapping.wrong" {
				item.Params["Codes"] = "route.table_twice"
			}
			if item.Code == "listeners.unreachable" {
				item.Params["Code"] = "target.refused"
			}
		}
		texts := itemTexts(p, item)
		fix := ""
		for _, part := range views.FixParts(texts.fix) {
			if !part.Code {
				fix += part.Text + "\n"
			}
		}
		for _, e := range english(strings.Join([]string{texts.name, texts.what, texts.why, texts.observed, texts.expected, texts.cause, fix}, "\n")) {
			t.Errorf("%s (%s) shows the English %q", key, sentence, e)
		}
		n++
	}
	if n < 100 {
		t.Fatalf("only %d texts were looked at", n)
	}
}

// filled is what the parameters of findings hold where that may be words: of the server, or of the engine.
var filled = map[string]string{"Detail": "connection was refused", "Text": "nothing listens there", "Hint": "look at the port", "Filters": "shop.orders: no such column",
	"Problems": "the table is selected twice", "Hints": "keep one of them", "Passed": "k1:9092 (dns 0s, tcp 2.5ms, auth 3µs), k2:9092 (dns 1m2s, tcp 2ms)", "Missing": "SELECT, SHOW VIEW ON `shop`.`orders`"}

func TestChineseEvents(t *testing.T) {
	t.Parallel()
	p, n := chinese(t), 0
	for key := range keysOf(t, "views", "i18n", "locales", i18n.Chinese, "event.json") {
		code := strings.TrimPrefix(key, "event.")
		for _, why := range []string{"queue_full", "position_gap", "definition_reread", "ddl", "an error of the source"} {
			e := task.Event{ID: 1, At: shelfNow, Level: "warning", Code: code, Params: map[string]string{"1": "shop.orders", "2": why}}
			if code == "source.table_renamed" {
				e.Params["2"] = "shop.orders_old"
			}
			if code == "horizon.near" {
				e.Params = map[string]string{"1": "mysql-bin.000007:4", "2": "mysql-bin.000007", "3": ""}
			}
			if code == "source.moved" {
				e.Params = map[string]string{"1": "8a94f357-aab4-11df-86ab-c80aa9429563", "2": "3e11fa47-71ca-11e1-9e33-c80aa9429562"}
			}
			if code == "source.xa_open" {
				e.Params = map[string]string{"1": "X'67',X'62',7", "2": "shop.orders", "3": "12"}
			}
			if strings.HasPrefix(code, "target.") {
				e.Params = map[string]string{"1": "shop", "2": "3", "3": "4000", "4": "5000"}
			}
			if code == "task.retry" {
				e.Params = map[string]string{"1": "reading the binlog: it was lost", "2": "1m30s", "code": "source.connection_lost"}
			}
			text := shown(t, views.TaskEventsPage(p, &views.TaskEvents{Rows: []views.EventRow{eventRow(p, e)}}))
			for _, f := range english(text) {
				t.Errorf("%s shows the English %q", code, f)
			}
			n++
		}
	}
	if n < 30 {
		t.Fatalf("only %d events were looked at", n)
	}
}

// Every page of the console in Chinese is.
func TestChinesePages(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/golden/*.zh-CN.html")
	if err != nil || len(names) < 30 {
		t.Fatalf("%d pages: %v", len(names), err)
	}
	for _, name := range names {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range english(read(t, string(page))) {
			written := strings.HasPrefix(e, "task ") || e == "log without" || e == "without a" // names and reasons that a person wrote
			if !written && e != "sluice run" {
				t.Errorf("%s shows the English %q", name, e)
			}
		}
	}
}
