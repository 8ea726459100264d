package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sluice/engine/task"
	"sluice/views/i18n"
)

// things is the form of the second step, rightly filled.
func things() url.Values {
	return url.Values{"do": {"next"}, "schema": {"on"}, "full": {"on"}, "incremental": {"on"}, "policy": {"key"}, "format": {"dts-avro"}, "from_kind": {"now"}}
}

func selected(b *wizardBody) {
	b.Spec.Tables = []task.Table{{Schema: "shop", Name: "orders"}, {Schema: "crm", Name: "account"}}
}

// alone is the incremental migration by itself, from somewhere.
func alone(kind, value string) url.Values {
	return url.Values{"schema": nil, "full": nil, "from_kind": {kind}, "from_" + kind: {value}}
}

func objectErrors() []wrong {
	return []wrong{
		{url.Values{"schema": nil, "full": nil, "incremental": nil}, "schema", "types", nil},
		{url.Values{"policy": {"random"}}, "policy", "choice", nil},
		{url.Values{"format": {"protobuf"}}, "format", "choice", nil},
		{url.Values{"ddl_topic": {"a b"}}, "ddl_topic", "topic_form", nil},
		{url.Values{"dead_letter_topic": {"a b"}}, "dead_letter_topic", "topic_form", nil},
		{url.Values{"ddl_topic": {"d"}, "dead_letter_topic": {"d"}}, "dead_letter_topic", "topic_shared", nil},
		{url.Values{"new_tables": {"shop.*\norders"}}, "new_tables", "new_tables_form", []any{"Value", "orders"}},
		{url.Values{"new_tables": {".*"}}, "new_tables", "new_tables_form", []any{"Value", ".*"}},
		{url.Values{"new_tables": {"shop."}}, "new_tables", "new_tables_form", []any{"Value", "shop."}},
		{url.Values{"new_tables": {"sho?.*"}}, "new_tables", "new_tables_form", []any{"Value", "sho?.*"}},
		{url.Values{"new_tables": {"MySQL.*"}}, "new_tables", "new_tables_system", []any{"Value", "MySQL"}},
		{url.Values{"new_tables": {"shop.*"}, "incremental": nil}, "new_tables", "new_tables_incremental", nil},
		{alone("position", "binlog"), "from_position", "from_position", nil},
		{alone("position", ""), "from_position", "from_position", nil},
		{alone("gtid", "x:y:z"), "from_gtid", "from_gtid", nil},
		{alone("time", "yesterday"), "from_time", "from_time", nil},
		{alone("time", "2026-11-22 17:03:12"), "from_time", "from_future", nil},
	}
}

func TestObjectsRefuses(t *testing.T) {
	t.Parallel()
	for _, lang := range i18n.Tags() {
		for _, x := range objectErrors() {
			t.Run(lang+" "+x.field+" "+x.key, func(t *testing.T) {
				t.Parallel()
				s := newDesk(t, lang)
				s.at(t, selected)
				s.refused(t, s.url(stepObjects), things(), x)
			})
		}
		t.Run(lang+" no table", func(t *testing.T) {
			t.Parallel()
			s := newDesk(t, lang)
			s.at(t, nil)
			s.refused(t, s.url(stepObjects), things(), wrong{nil, "objects", "tables", nil})
		})
		t.Run(lang+" a filter without a full copy", func(t *testing.T) {
			t.Parallel()
			s := newDesk(t, lang)
			s.at(t, func(b *wizardBody) {
				for i := range 7 {
					b.Spec.Tables = append(b.Spec.Tables, task.Table{Schema: "a", Name: fmt.Sprint(i), Where: "id > 1"})
				}
			})
			s.refused(t, s.url(stepObjects), things(), wrong{url.Values{"full": nil}, "objects", "where_without_full", []any{"Tables", "a.0, a.1, a.2, a.3, a.4, … (7)"}})
		})
		t.Run(lang+" what another step left", func(t *testing.T) {
			t.Parallel()
			s := newDesk(t, lang)
			s.at(t, func(b *wizardBody) { selected(b); b.Spec.Workers = 99 })
			s.refused(t, s.url(stepObjects), things(), wrong{nil, "objects", "spec", []any{"Field", "workers", "Text", "must be between 1 and 64"}})
		})
	}
}

func TestObjectsFrom(t *testing.T) {
	t.Parallel()
	zone := officeNow.Location()
	for _, c := range []struct {
		form url.Values
		want *task.From
	}{
		{alone("now", ""), nil},
		{alone("position", "mysql-bin.000078:4"), &task.From{Position: "mysql-bin.000078:4"}},
		{alone("gtid", "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5,\n 3E11FA47-71CA-11E1-9E33-C80AA9429563:7"), &task.From{GTID: "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5,3E11FA47-71CA-11E1-9E33-C80AA9429563:7"}},
		{alone("gtid", "0-1-55"), &task.From{GTID: "0-1-55"}},
		{alone("time", "2026-01-31T12:00:00+08:00"), &task.From{Time: "2026-01-31T12:00:00+08:00"}},
		{alone("time", "2026-01-31 12:00"), &task.From{Time: time.Date(2026, 1, 31, 12, 0, 0, 0, zone).Format(time.RFC3339)}},
		{url.Values{"from_kind": {"position"}, "from_position": {"mysql-bin.000078:4"}}, nil}, // not alone
	} {
		s := newDesk(t, i18n.English)
		s.at(t, selected)
		form := things()
		for k, v := range c.form {
			form[k] = v
		}
		leads(t, s.send(s.url(stepObjects), form), s.url(stepPrecheck))
		b := s.body(t)
		if !reflect.DeepEqual(b.Spec.From, c.want) || b.Spec.Policy != task.PolicyKey || b.Reached != stepPrecheck {
			t.Errorf("%v: from %+v, policy %s, reached %s", c.form, b.Spec.From, b.Spec.Policy, b.Reached)
		}
		if c.want != nil {
			doc := page(t, s.get(s.url(stepObjects)), http.StatusOK)
			if kind := doc.Find("[name=from_kind][checked]").AttrOr("value", ""); c.form.Get("from_kind") != kind || doc.Find("#schema[checked]").Length() != 0 {
				t.Errorf("%v: the page shows %q", c.form, kind)
			}
		}
	}
}

// The lock of rows is off until a person allows it, and the page shows what was chosen.
func TestObjectsRowLock(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, selected)
	for _, allowed := range []bool{false, true, false} {
		form := things()
		if allowed {
			form["row_lock"] = []string{"on"}
		}
		leads(t, s.send(s.url(stepObjects), form), s.url(stepPrecheck))
		if s.body(t).Spec.Source.RowLock != allowed || page(t, s.get(s.url(stepObjects)), http.StatusOK).Find("#row_lock[checked]").Length() == 1 != allowed {
			t.Errorf("allowed %v was not kept", allowed)
		}
	}
}

// Patterns of new tables and the choice of online schema changes are kept, shown again, and left out again.
func TestObjectsNewTables(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, func(b *wizardBody) {
		selected(b)
		b.Spec.New = []task.Table{{Schema: "logs", Name: "log_20??", Topic: "logs", Policy: task.PolicyZero}, {Schema: "gone", Name: "*"}}
	})
	if got := page(t, s.get(s.url(stepObjects)), http.StatusOK).Find("#new_tables").Text(); got != "logs.log_20??\ngone.*" {
		t.Errorf("the page shows %q", got)
	}
	form := things()
	form.Set("online_ddl", "on")
	form.Set("new_tables", " shop.* \r\n\r\nlogs.log_20??\nshop.*")
	leads(t, s.send(s.url(stepObjects), form), s.url(stepPrecheck))
	want := []task.Table{{Schema: "shop", Name: "*"}, {Schema: "logs", Name: "log_20??", Topic: "logs", Policy: task.PolicyZero}}
	if b := s.body(t); !reflect.DeepEqual(b.Spec.New, want) || b.Spec.OnlineDDL != task.HideOnlineDDL {
		t.Errorf("kept %+v, %q", b.Spec.New, b.Spec.OnlineDDL)
	}
	if doc := page(t, s.get(s.url(stepObjects)), http.StatusOK); doc.Find("#new_tables").Text() != "shop.*\nlogs.log_20??" || doc.Find("#online_ddl[checked]").Length() != 1 {
		t.Error("the page does not show what was chosen")
	}
	form.Set("do", "save") // while the form is filled in, a wrong line must not cost the right ones
	form.Set("new_tables", "shop.*\nlogs")
	s.send(s.url(stepObjects), form)
	if b := s.body(t); !reflect.DeepEqual(b.Spec.New, want) {
		t.Errorf("kept %+v", b.Spec.New)
	}
	leads(t, s.send(s.url(stepObjects), things()), s.url(stepPrecheck))
	if b := s.body(t); b.Spec.New != nil || b.Spec.OnlineDDL != "" {
		t.Errorf("left %+v, %q", b.Spec.New, b.Spec.OnlineDDL)
	}
}

// What a cloned task says of new tables is refused beside them.
func TestObjectsNewTablesOfAnotherTask(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, func(b *wizardBody) {
		selected(b)
		b.Spec.New = []task.Table{{Schema: "shop", Name: "*", Where: "id > 1"}}
	})
	form := things()
	form.Set("new_tables", "shop.*")
	s.refused(t, s.url(stepObjects), form, wrong{nil, "new_tables", "spec", []any{"Field", "new_tables[0].where", "Text", "is for a single table"}})
}

// rowsOf lists the tables of a box as it is without a script.
func rowsOf(doc *goquery.Document, box string) string {
	var out []string
	doc.Find(box + " .plain-list li").Each(func(_ int, li *goquery.Selection) {
		out = append(out, strings.TrimSpace(li.Find(".choice span").Contents().First().Text()))
	})
	return strings.Join(out, " ")
}

// TestObjectsWithoutScript goes the way of a person whose browser runs no script.
func TestObjectsWithoutScript(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, nil)
	doc := page(t, s.get(s.url(stepObjects)), http.StatusOK)
	if doc.Find("#picker[hidden]").Length() != 1 || doc.Find("#picker-plain[hidden]").Length() != 0 || doc.Find("#db option").Length() != 4 || slices.ContainsFunc(s.asked, func(a string) bool { return strings.HasPrefix(a, "tables") }) {
		t.Fatalf("the page begins wrongly: asked %q", s.asked)
	}
	form := things()
	form.Del("schema")
	form.Set("do", "show")
	form.Set("db", "shop")
	form.Set("q", "O")
	w := s.send(s.url(stepObjects), form)
	leads(t, w, s.url(stepObjects)+"?db=shop&q=O#objects")
	if s.body(t).Spec.Schema {
		t.Error("what was ticked is lost on the way")
	}
	doc = page(t, s.get(w.Header().Get("Location")), http.StatusOK)
	if got := rowsOf(doc, "#source-objects"); got != "shop.logs shop.odd name/x shop.orders" {
		t.Errorf("listed %q", got)
	}
	key := doc.Find("#source-objects [name=pick]").Eq(1).AttrOr("value", "")
	form.Set("do", "add")
	form["pick"] = []string{key, "shop/invented", "nonsense", "%zz/%zz"}
	leads(t, s.send(s.url(stepObjects), form), s.url(stepObjects)+"?db=shop&q=O#objects")
	if got := s.body(t).Spec.Tables; len(got) != 1 || got[0].Name != "odd name/x" {
		t.Fatalf("selected %+v", got)
	}
	form.Del("pick")
	form.Set("do", "add_all")
	form.Set("db", everyDatabase)
	form.Set("q", "")
	s.send(s.url(stepObjects), form)
	doc = page(t, s.get(s.url(stepObjects)+"?db=*"), http.StatusOK)
	if got := rowsOf(doc, "#chosen"); got != "shop.odd name/x crm.account shop.logs shop.orders" {
		t.Errorf("selected %q", got)
	}
	if doc.Find("#source-objects [name=pick]:not([disabled])").Length() != 0 || doc.Find("#object-count").Text() != "4 tables selected" {
		t.Error("what is selected can be selected again")
	}
	form.Set("do", "remove")
	form["drop"] = []string{doc.Find("#chosen [name=drop]").First().AttrOr("value", "")}
	s.send(s.url(stepObjects), form)
	form.Set("do", "find")
	form.Set("sq", "shop.")
	w = s.send(s.url(stepObjects), form)
	if got := rowsOf(page(t, s.get(w.Header().Get("Location")), http.StatusOK), "#chosen"); got != "shop.logs shop.orders" {
		t.Errorf("found %q", got)
	}
	form.Set("do", "remove_all")
	s.send(s.url(stepObjects), form)
	if got := s.body(t).Spec.Tables; len(got) != 1 || got[0].Name != "account" {
		t.Errorf("left %+v", got)
	}
	form.Set("do", "back")
	leads(t, s.send(s.url(stepObjects), form), s.url(stepConnections))
}

func TestObjectsPages(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.tables = nil
	for i := range 250 {
		s.tables = append(s.tables, SourceTable{"big", fmt.Sprintf("t%03d", i), 1, 1})
	}
	s.at(t, nil)
	form := things()
	form.Set("do", "page:3")
	form.Set("db", "big")
	w := s.send(s.url(stepObjects), form)
	leads(t, w, s.url(stepObjects)+"?db=big&page=3#objects")
	doc := page(t, s.get(w.Header().Get("Location")), http.StatusOK)
	if rows := doc.Find("#source-objects li"); rows.Length() != 50 || doc.Find(`#source-objects [value="page:2"]`).Length() != 1 || doc.Find(`#source-objects [value="page:4"]`).Length() != 0 {
		t.Errorf("page 3 has %d rows", rows.Length())
	}
	if got := doc.Find("#source-objects .vcount").Text(); !strings.Contains(got, "201–250 of 250") {
		t.Errorf("it says %q", got)
	}
}

func TestObjectsSourceFails(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.Chinese)
	s.at(t, selected)
	s.fail = &task.Error{Code: "source.access_denied", Text: "no", Hint: "no"}
	doc := page(t, s.get(s.url(stepObjects)+"?db=shop"), http.StatusOK)
	if !strings.Contains(doc.Find("#objects .notice-bad").Text(), s.text.T("error.source.access_denied")) || doc.Find("#chosen li").Length() != 2 {
		t.Error("the page does not say what failed, or loses what is selected")
	}
	form := things()
	form.Set("do", "add")
	form.Set("policy", "table")
	form["pick"] = []string{"shop/logs"}
	page(t, s.send(s.url(stepObjects), form), http.StatusBadGateway)
	if b := s.body(t); b.Spec.Policy != task.PolicyTable || len(b.Spec.Tables) != 2 {
		t.Error("the options were not kept")
	}
	if w := s.get(s.url(stepObjects) + "/data"); w.Code != http.StatusBadGateway {
		t.Errorf("data answers %d", w.Code)
	}
}

func TestObjectsConflict(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, selected)
	form := things()
	form.Set("version", "7")
	doc := page(t, s.send(s.url(stepObjects), form), http.StatusConflict)
	if doc.Find("#wizard-conflict [name=overwrite]").AttrOr("value", "") != "1" || doc.Find("[name=policy][checked]").AttrOr("value", "") != "key" || s.body(t).Spec.Policy == task.PolicyKey {
		t.Error("the conflict is not shown as it should be")
	}
	if w := s.send(s.url(stepObjects), form, "Accept", "application/json"); w.Code != http.StatusConflict {
		t.Errorf("a script gets %d", w.Code)
	}
}

// TestObjectsData is what the script of the boxes lives on, with as many tables as a source may have.
func TestObjectsData(t *testing.T) {
	t.Parallel()
	const many = 100_000
	s := newDesk(t, i18n.English)
	s.tables = nil
	for i := range many {
		s.tables = append(s.tables, SourceTable{fmt.Sprintf("db_%02d", i*20/many), fmt.Sprintf("orders_%06d", i), int64(i), 16384})
	}
	s.at(t, nil)
	var got struct {
		Databases []string
		Tables    [][]any
		Total     int
	}
	read := func(query string) {
		t.Helper()
		got.Tables = nil
		w := s.get(s.url(stepObjects) + "/data" + query)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %v", w.Code, err)
		}
	}
	if read(""); len(got.Databases) != 20 {
		t.Errorf("%d databases", len(got.Databases))
	}
	if read("?db=db_07"); len(got.Tables) != many/20 || fmt.Sprint(got.Tables[1]) != "[db_07 orders_035001 35001 16384]" {
		t.Errorf("%d tables, %v", len(got.Tables), got.Tables[1])
	}
	if read("?q=ORDERS"); len(got.Tables) != foundAtMost || got.Total != many {
		t.Errorf("%d of %d found", len(got.Tables), got.Total)
	}
	began := time.Now()
	form := things()
	form.Set("do", "add")
	form["database"] = got.Databases
	w := s.send(s.url(stepObjects), form, "Accept", "application/json")
	if !strings.Contains(w.Body.String(), `"changed":100000,"count":100000`) {
		t.Fatalf("answered %s", w.Body)
	}
	if read("?selected=1"); len(got.Tables) != many {
		t.Errorf("%d selected", len(got.Tables))
	}
	form["database"], form["pick"] = nil, []string{"db_00/orders_000000"}
	if w := s.send(s.url(stepObjects), form, "Accept", "application/json"); !strings.Contains(w.Body.String(), `"changed":0`) {
		t.Errorf("a table was selected twice: %s", w.Body)
	}
	page(t, s.get(s.url(stepObjects)), http.StatusOK)
	t.Logf("selecting and listing %d tables took %s", many, time.Since(began))
	asked := 0
	for _, a := range s.asked {
		if strings.HasPrefix(a, "tables of") {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("the source was asked %d times for tables, want once for the opened database and once for all", asked)
	}
}
