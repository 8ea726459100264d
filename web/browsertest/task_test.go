package browsertest

import (
	"context"
	"fmt"
	"testing"

	"sluice/store"
)

// ticks waits until a server-sent measurement has been seen n times.
func (tb *Tab) ticks(n int) {
	tb.t.Helper()
	tb.waitJS(fmt.Sprintf("%d measurements", n), fmt.Sprintf(`(window.seenAges ??= new Set()).add(document.querySelector("#show-delay small").dataset.at).size >= %d`, n))
}

// The life of a task on real servers, on the pages of one task.
func TestTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "task", 2000)
	var id string
	c := newConsole(t, func(ctx context.Context, st *store.Store) { id = w.add(ctx, st, "orders-to-kafka") })
	tb := c.open()
	tb.signIn()
	at := "/tasks/" + id
	tb.visit(at)
	tb.waitText("#task-status", "Not started")
	tb.click("#task-actions .primary")
	tb.waitText("#task-status", "Incremental migration")
	tb.waitJS("no words of the start once it runs", `!document.querySelector("[data-while]")`)
	tb.waitText("#show-delay", "No delay")
	tb.waitText("#show-next", "No delay")
	tb.ticks(3)
	tb.waitText("#show-phases", "2,003 rows migrated")
	tb.waitJS("a chart", `document.querySelector("#show-charts .line").getAttribute("d").includes("L")`)
	tb.accessible("overview, running")
	tb.narrow("overview, running")

	w.write(150)
	tb.waitText("#show-phases", "150 inserts")
	w.exec("UPDATE " + w.schema + ".customers SET city = 'Hamburg' WHERE id = 1")
	tb.waitText("#show-phases", "1 updates")
	tb.waitText("#show-delay", "No delay")

	tb.visit(at + "/tables")
	tb.waitText("main table", w.schema+".orders")
	tb.waitText("main table", "2,000")

	tb.readMessages(at)
	tb.pauseAndResume(at)
	tb.waitText("#show-phases", "2,003 rows migrated") // the start is counted once, whoever asks and when

	// The process ends and comes back: the task goes on, and the open page finds it by itself.
	w.write(10)
	tb.waitText("#show-phases", "160 inserts")
	eval[bool](tb, `window.before = true`)
	c.restart()
	tb.waitJS("a page of the new process", `!window.before && document.documentElement.dataset.live === "open"`)
	tb.waitText("#task-status", "Incremental migration")
	w.write(5)
	tb.waitText("#show-phases", "165 inserts")
	tb.waitText("#show-delay", "No delay")

	tb.endByHand(at)
	tb.visit(at + "/events")
	tb.waitText("main .events", "The task is completed")
	tb.visit(at + "/config")
	tb.waitText("main", w.topic)
	tb.noSecrets()
}

func (tb *Tab) readMessages(at string) {
	tb.t.Helper()
	tb.visit(at + "/messages")
	tb.choose("#max", "20")
	tb.click("main form.line-form button")
	tb.waitText("#messages", "messages read")
	tb.waitJS("three partitions", `document.querySelectorAll("#partition option").length === 4`)
	tb.waitText("#messages", "UPDATE")
	update := eval[int](tb, `[...document.querySelectorAll("#messages .message")].findIndex((m) => m.innerText.includes("UPDATE"))`)
	message := fmt.Sprintf("#messages .message:nth-of-type(%d)", update+1)
	tb.click(message + " summary")
	tb.waitText(message+" .diff .changed", "Hamburg")
	tb.accessible("messages")
	tb.narrow("messages")
	tb.choose("#partition", "0")
	tb.click("main form.line-form button")
	tb.waitJS("partition 0 alone", `[...document.querySelectorAll(".message-where")].every((e) => e.innerText.startsWith("p0 ")) && location.search.includes("partition=0")`)
}

func (tb *Tab) pauseAndResume(at string) {
	tb.t.Helper()
	tb.visit("/tasks")
	row := at[len("/tasks/"):]
	tb.waitText("#delay-"+row, "No delay")
	tb.click("#actions-" + row + " form[action$=pause] button")
	tb.waitText("main .notice-ok", "paused")
	if got := tb.path(); got != "/tasks" {
		tb.t.Errorf("after the pause the page is %s, want the list", got)
	}
	tb.waitText("#status-"+row, "Paused")
	tb.visit(at)
	tb.waitText("#show-next", "paused")
	tb.accessible("overview, paused")
	tb.click("#task-actions form[action$=start] button")
	tb.waitText("#task-status", "Incremental migration")
	tb.waitText("#show-delay", "No delay")
}

func (tb *Tab) endByHand(at string) {
	tb.t.Helper()
	tb.visit(at)
	tb.waitText("#show-next", "end the task by hand")
	tb.click("#show-next a")
	tb.waitPath(at + "/end")
	tb.waitText("#end-live", "No delay")
	tb.accessible("end")
	tb.narrow("end")
	tb.click("#end-act .danger")
	tb.click("#end-confirm .danger")
	tb.waitText("#end-live", "The task has ended")
	tb.waitText("#task-status", "Completed")
	tb.waitJS("no button to end it", `!document.querySelector("#end-act button")`)
	tb.accessible("ended")
}
