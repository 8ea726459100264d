package handlers

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"sluice/engine/task"
	"sluice/views/i18n"
)

// mapping is the form of a table, rightly filled.
func mapping() url.Values {
	return url.Values{"do": {"save"}, "to_schema": {""}, "to_name": {""}, "table_topic": {""}, "where": {""}, "policy": {""},
		"col": {"id", "user_id", "amount"}, "colname": {"id", "user_id", "amount"}, "rename": {"", "", ""},
		"dml_insert": {"on"}, "dml_update": {"on"}, "dml_delete": {"on"}, "ddl": {"on"}}
}

func (s *desk) edit() string { return editURL(deskDraft, "shop", "orders") }

func editErrors() []wrong {
	one := func(field, value string) url.Values { return url.Values{field: {value}} }
	return []wrong{
		{one("to_schema", strings.Repeat("x", 65)), "to_schema", "mapped_long", nil},
		{one("to_name", "a\x01b"), "to_name", "mapped_control", nil},
		{one("table_topic", "a b"), "table_topic", "topic_form", nil},
		{url.Values{"rename": {"", "ID", ""}}, "rename-1", "column_twice", []any{"Name", "ID"}},
		{url.Values{"rename": {"", "", strings.Repeat("x", 65)}}, "rename-2", "column_long", []any{"Column", "amount"}},
		{url.Values{"dml_insert": nil, "dml_update": nil, "dml_delete": nil}, "dml_insert", "dml", nil},
		{url.Values{"policy": {"x"}}, "policy", "choice", nil},
		{url.Values{"do": {"verify"}}, "where", "where_empty", nil},
	}
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	for _, lang := range i18n.Tags() {
		for _, x := range editErrors() {
			t.Run(lang+" "+x.field+" "+x.key, func(t *testing.T) {
				t.Parallel()
				s := newDesk(t, lang)
				s.at(t, selected)
				s.refused(t, s.edit(), mapping(), x)
			})
		}
		t.Run(lang+" no column of a table without a key", func(t *testing.T) {
			t.Parallel()
			s := newDesk(t, lang)
			s.columns[0].Key = false
			s.at(t, selected)
			s.refused(t, s.edit(), mapping(), wrong{url.Values{"col": nil}, "columns", "columns", nil})
		})
		t.Run(lang+" a filter without a full copy", func(t *testing.T) {
			t.Parallel()
			s := newDesk(t, lang)
			s.at(t, func(b *wizardBody) { selected(b); b.Spec.Full = false })
			s.refused(t, s.edit(), mapping(), wrong{url.Values{"where": {"id > 1"}}, "where", "where_full", nil})
		})
		t.Run(lang+" a filter of changes without changes", func(t *testing.T) {
			t.Parallel()
			s := newDesk(t, lang)
			s.at(t, func(b *wizardBody) { selected(b); b.Spec.Incremental = false })
			s.refused(t, s.edit(), mapping(), wrong{url.Values{"where": {"id > 1"}, "filter_changes": {"on"}}, "filter_changes", "filter_incremental", nil})
		})
		t.Run(lang+" a filter that asks others", func(t *testing.T) {
			t.Parallel()
			s := newDesk(t, lang)
			s.at(t, selected)
			s.plan = 2
			s.refused(t, s.edit(), mapping(), wrong{url.Values{"do": {"verify"}, "where": {"id in (select 1)"}}, "where", "where_others", nil})
		})
	}
}

func TestEditVerifies(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, selected)
	form := mapping()
	form.Set("do", "verify")
	form.Set("where", "id > 100")
	form.Set("to_name", "kept_on_the_page")
	doc := page(t, s.send(s.edit(), form), http.StatusOK)
	if !strings.Contains(doc.Find(".where .notice-ok").Text(), "12,300 rows") || doc.Find("#to_name").AttrOr("value", "") != "kept_on_the_page" {
		t.Error("the page does not tell the estimate, or loses what was typed")
	}
	if s.body(t).Spec.Tables[0].Where != "" {
		t.Error("to verify saves")
	}
	s.fail = &task.Error{Code: "source.sql", Text: "Unknown column 'x'"}
	if got := page(t, s.send(s.edit(), form), http.StatusUnprocessableEntity).Find("#where-error").Text(); !strings.Contains(got, "Unknown column 'x'") {
		t.Errorf("the page says %q", got)
	}
}

func TestEditSaves(t *testing.T) {
	t.Parallel()
	full := task.Table{Schema: "shop", Name: "orders", ToSchema: "shop2", ToName: "orders_v2", Topic: "own", Exclude: []string{"amount"}, Rename: map[string]string{"user_id": "客户"},
		Where: "id > 100", FilterChanges: true, Policy: task.PolicyKey, PartitionKey: []string{"user_id"}, DML: []string{"insert", "delete"}, NoDDL: true}
	s := newDesk(t, i18n.English)
	s.at(t, selected)
	form := mapping()
	for k, v := range map[string][]string{"to_schema": {"shop2"}, "to_name": {"orders_v2"}, "table_topic": {"own"}, "col": {"user_id"}, "rename": {"", " 客户 ", "left out"}, "where": {"id > 100"}, "filter_changes": {"on"},
		"policy": {"key"}, "part": {"user_id"}, "dml_update": nil, "ddl": nil} {
		form[k] = v
	}
	leads(t, s.send(s.edit(), form), s.url(stepObjects)+"#chosen")
	if got := s.body(t).Spec.Tables[0]; !reflect.DeepEqual(got, full) {
		t.Errorf("kept %+v, want %+v", got, full)
	}
	doc := page(t, s.get(s.url(stepObjects)), http.StatusOK)
	if got := doc.Find("#chosen li").First().Find("small").Text(); got != "→ shop2.orders_v2 · topic own · 1 column left out · 1 column renamed · WHERE id > 100 · changes too · by user_id · INSERT, DELETE · no DDL" {
		t.Errorf("the list says %q", got)
	}
	doc = page(t, s.get(s.edit()), http.StatusOK)
	for selector, want := range map[string]int{"#dml_update[checked]": 0, "#dml_delete[checked]": 1, "#ddl[checked]": 0, "#filter_changes[checked]": 1, "[name=col][checked]": 2, "[name=col][disabled]": 1, "[name=part][checked]": 1,
		`[name=rename][value="客户"]`: 1, `#policy option[value=key][selected]`: 1} {
		if got := doc.Find(selector).Length(); got != want {
			t.Errorf("%s is there %d times, want %d", selector, got, want)
		}
	}
	leads(t, s.send(s.edit(), mapping()), s.url(stepObjects)+"#chosen")
	if got := s.body(t).Spec.Tables[0]; !reflect.DeepEqual(got, task.Table{Schema: "shop", Name: "orders"}) {
		t.Errorf("all as in the source is kept as %+v", got)
	}
}

// A list of columns, as a task file may have it, means another thing than what is left out: it stays.
func TestEditKeepsListedColumns(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, func(b *wizardBody) { selected(b); b.Spec.Tables[0].Columns = []string{"ID", "Amount"} })
	form := mapping()
	form["col"] = []string{"amount"}
	s.send(s.edit(), form)
	if got := s.body(t).Spec.Tables[0]; !reflect.DeepEqual(got.Columns, []string{"id", "amount"}) || got.Exclude != nil {
		t.Errorf("kept %+v", got)
	}
}

// Without the source's answer the columns stay as they are.
func TestEditWithoutSource(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, func(b *wizardBody) { selected(b); b.Spec.Tables[0].Exclude = []string{"amount"} })
	s.fail, s.columns = &task.Error{Code: "source.unreachable", Text: "no answer"}, nil
	if page(t, s.get(s.edit()), http.StatusOK).Find("#columns .notice-bad").Length() != 1 {
		t.Error("the page does not say why there are no columns")
	}
	form := mapping()
	form.Set("to_name", "renamed")
	leads(t, s.send(s.edit(), form), s.url(stepObjects)+"#chosen")
	if got := s.body(t).Spec.Tables[0]; got.ToName != "renamed" || !reflect.DeepEqual(got.Exclude, []string{"amount"}) {
		t.Errorf("kept %+v", got)
	}
}

func TestEditConflict(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, selected)
	form := mapping()
	form.Set("version", "9")
	form.Set("to_name", "late")
	doc := page(t, s.send(s.edit(), form), http.StatusConflict)
	if doc.Find("#drawer [name=overwrite]").AttrOr("value", "") != "1" || doc.Find("#to_name").AttrOr("value", "") != "late" {
		t.Error("the conflict is not shown")
	}
	form.Set("overwrite", "1")
	leads(t, s.send(s.edit(), form), s.url(stepObjects)+"#chosen")
	if w := s.get(editURL(deskDraft, "shop", "gone")); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "draft.table_absent") {
		t.Errorf("a table that is not selected answers %d", w.Code)
	}
}

// Every error that the catalogue has is shown by one of the tests above.
func TestEveryFieldErrorIsTried(t *testing.T) {
	t.Parallel()
	keys := errorKeys(t)
	for _, list := range [][]wrong{connectionErrors(), objectErrors(), editErrors()} {
		for _, x := range list {
			delete(keys, x.key)
		}
	}
	for _, key := range []string{"tables", "where_without_full", "spec", "columns", "where_full", "filter_incremental", "where_others", "where"} { // by tests of their own
		if !keys[key] {
			t.Errorf("there is no error %s", key)
		}
		delete(keys, key)
	}
	for key := range keys {
		t.Errorf("nothing tries the error %s", key)
	}
}
