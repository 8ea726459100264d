package browsertest

import (
	"context"
	"testing"

	"sluice/store"
)

// Every page of every settled state, in both languages: what axe, the width and the secrets say.
func TestPages(t *testing.T) {
	t.Parallel()
	var ids map[string]string
	c := newConsole(t, func(ctx context.Context, st *store.Store) { ids = settled(t, ctx, st) })
	tb := c.open()
	tb.signIn()
	for _, lang := range []string{"en", "zh-CN"} {
		tb.language(lang)
		for name, path := range map[string]string{
			"list": "/tasks", "list-none": "/tasks?q=nothing", "list-filtered": "/tasks?status=attention&group=Hangzhou",
			"overview-new": "/tasks/" + ids["new"], "overview-scheduled": "/tasks/" + ids["scheduled"], "overview-paused": "/tasks/" + ids["paused"],
			"overview-failed": "/tasks/" + ids["failed"], "overview-finished": "/tasks/" + ids["finished"],
			"tables-paused": "/tasks/" + ids["paused"] + "/tables", "messages-unread": "/tasks/" + ids["paused"] + "/messages",
			"precheck-none": "/tasks/" + ids["paused"] + "/precheck", "events": "/tasks/" + ids["failed"] + "/events",
			"config": "/tasks/" + ids["paused"] + "/config", "end-paused": "/tasks/" + ids["paused"] + "/end", "end-self": "/tasks/" + ids["scheduled"] + "/end",
			"end-finished": "/tasks/" + ids["finished"] + "/end", "delete": "/tasks/" + ids["failed"] + "/delete", "delete-draft": "/tasks/" + ids["draft"] + "/delete",
			"account": "/account", "not-found": "/nowhere", "task-absent": "/tasks/0000000000000000",
		} {
			tb.visit(path)
			tb.wait("h1")
			if lang == "en" { // the same page in Chinese differs in its texts, and in what they take of a line
				tb.accessible(name)
			}
			tb.narrow(name + " " + lang)
			tb.noSecrets()
			tb.shot(name + "." + lang)
			if name == "list" {
				tb.dark(name + "-dark." + lang)
			}
		}
	}
}
