package browsertest

import (
	"context"
	"testing"

	"sluice/store"
)

// The full copy moves its bar while one looks, on every page that shows it.
func TestFullCopyMoves(t *testing.T) {
	t.Parallel()
	rows := 600_000
	if *screenshots != "" {
		rows = 3_000_000 // long enough for pictures of it
	}
	w := newWorld(t, "full", rows)
	ids := map[string]string{}
	c := newConsole(t, func(ctx context.Context, st *store.Store) {
		for lang := range languages {
			if lang != "en" && *screenshots == "" {
				continue // the bar is the same
			}
			w.topic = "orders_full_" + lang
			ids[lang] = w.add(ctx, st, "orders-to-kafka")
		}
	})
	tb := c.open()
	tb.signIn()
	for lang, id := range ids {
		tb.language(lang)
		tb.visit("/tasks/" + id)
		tb.click("#task-actions .primary")
		tb.waitJS("a bar that moves", `(window.seen ??= new Set()).add(document.querySelector("#show-phases progress").value).size > 1`)
		tb.shot("overview-full." + lang)
		if *screenshots != "" {
			tb.visit("/tasks/" + id + "/tables")
			tb.shot("tables-full." + lang)
			tb.visit("/tasks")
			tb.wait("progress")
			tb.shot("list-full." + lang)
		}
		tb.visit("/tasks/" + id)
		tb.waitLong(4*patience, "the incremental migration", `document.querySelector("#show-delay .delay-ok")`)
	}
}
