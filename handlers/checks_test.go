package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/engine/task"
	"sluice/views/i18n"
)

const disabledNext = `<button class="primary" disabled>`

func TestWizardPrecheckStates(t *testing.T) {
	t.Parallel()
	waiting := failedItem()
	waiting.Status, waiting.Code, waiting.Params = "waiting", "", nil
	running := warningItem()
	running.Status = "running"
	open := checkRun(2, passedItem(), running, waiting)
	open.Ended = time.Time{}
	changed := checkRun(2, passedItem())
	changed.BodySum = "sum-of-another"
	broken := checkRun(2, passedItem(), waiting)
	for name, tc := range map[string]struct {
		runs    []task.CheckRun
		running bool
		words   []string
	}{
		"never": {nil, false, []string{"Not prechecked yet", "Run precheck", disabledNext}},
		"running": {[]task.CheckRun{open}, true, []string{"Prechecking…", "1 of 3 items are done.", `http-equiv="refresh" content="1"`, "1 item is waiting", "!Re-run", "!Re-check", disabledNext,
			`content="/events?t=check:` + draftID}},
		"its process died": {[]task.CheckRun{open}, false, []string{"The precheck was interrupted", "Re-run all", disabledNext, "!http-equiv=\"refresh\""}},
		"broke off":        {[]task.CheckRun{broken}, false, []string{"The precheck was interrupted", disabledNext}},
		"failed": {[]task.CheckRun{checkRun(2, passedItem(), warningItem(), failedItem()), checkRun(1, failedItem())}, false, []string{"1 item failed", "Re-run failed", disabledNext,
			"Missing: REPLICATION CLIENT", "?item=source.privileges", `name="item" value="source.privileges"`, "Precheck history", "?run=1", "1 item passed"}},
		"warning": {[]task.CheckRun{checkRun(2, passedItem(), warningItem())}, false, []string{"1 warning waits for you", "Acknowledge: Keys", disabledNext}},
		"warning acknowledged": {[]task.CheckRun{checkRun(2, passedItem(), acknowledgedItem())}, false, []string{"Precheck passed", "Acknowledged by bob", "!Acknowledge: Keys", "!" + disabledNext,
			`action="` + precheck + `/next"`}},
		"passed":  {[]task.CheckRun{checkRun(2, passedItem())}, false, []string{"Precheck passed", "Nothing has started yet", "!" + disabledNext}},
		"changed": {[]task.CheckRun{changed}, false, []string{"The configuration has changed since this precheck", "Run the precheck again", disabledNext}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, stepPrecheck, tc.runs...)
			o.running = tc.running
			shows(t, o.get(precheck), http.StatusOK, tc.words...)
		})
	}
}

func TestWizardPrecheckInChinese(t *testing.T) {
	t.Parallel()
	o := newOffice(t, stepPrecheck, checkRun(2, passedItem(), failedItem(), warningItem()))
	o.lang = i18n.Chinese
	shows(t, o.get(precheck+"?item=source.privileges"), http.StatusOK, "预检查失败：1 项未通过", "源库账号权限", "缺少：REPLICATION CLIENT", "账号 &#39;dts&#39;@&#39;%&#39; 缺少权限", "修复方法",
		"<pre>GRANT REPLICATION CLIENT ON *.* TO &#39;dts&#39;@&#39;%&#39;;</pre>", "!```")
}

func TestFailedItemsStandFirst(t *testing.T) {
	t.Parallel()
	page := newOffice(t, stepPrecheck, checkRun(2, passedItem(), acknowledgedItem(), failedItem())).get(precheck).Body.String()
	var at []int
	for _, id := range []string{"source.privileges", "objects.key", "source.connect"} {
		at = append(at, strings.Index(page, `id="check-`+id+`"`))
	}
	if !slices.IsSorted(at) || at[0] < 0 {
		t.Errorf("the items stand at %v", at)
	}
}

func TestCheckDrawer(t *testing.T) {
	t.Parallel()
	old := checkRun(1, failedItem())
	lost := passedItem()
	lost.Status, lost.Code, lost.Params = "failed", "error", map[string]string{"Code": "source.access_denied", "Text": "refused", "Hint": "Look.", "Detail": "Error 1045", "Stage": "auth", "Passed": "dns 1ms, tcp 2ms"}
	o := newOffice(t, stepPrecheck, checkRun(2, lost, failedItem(), warningItem(), acknowledgedItem()), old)
	for name, tc := range map[string]struct {
		query string
		words []string
	}{
		"closed":          {"", []string{`!<dialog`}},
		"no such item":    {"?item=none", []string{`!<dialog`}},
		"failed":          {"?item=source.privileges", []string{`<dialog`, "Why it matters", "Expected", "data-copy=\"GRANT", "An error can&#39;t be acknowledged", "Re-check this item", "!textarea"}},
		"warning":         {"?item=objects.key", []string{`<dialog`, "<textarea", `name="run" value="2"`}},
		"of an error":     {"?item=source.connect", []string{"Error 1045", "Passed before: Name resolution 1ms, Network 2ms"}},
		"of an older run": {"?run=1&item=source.privileges", []string{`<dialog`, "!Re-check this item", "!An error can&#39;t be acknowledged", `href="` + precheck + `?run=1"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shows(t, o.get(precheck+tc.query), http.StatusOK, tc.words...)
		})
	}
}

func TestRunningChecks(t *testing.T) {
	t.Parallel()
	skippedItem := passedItem()
	skippedItem.ID, skippedItem.Status = "target.topics", "skipped"
	for name, tc := range map[string]struct {
		form []string
		want []string
	}{
		"all":    {nil, nil},
		"one":    {[]string{"item", "objects.key"}, []string{"objects.key"}},
		"failed": {[]string{"failed", "1"}, []string{"source.privileges", "target.topics"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, stepPrecheck, checkRun(2, passedItem(), failedItem(), acknowledgedItem(), skippedItem))
			leads(t, o.post(precheck, tc.form...), precheck)
			if len(o.asked) != 1 || !slices.Equal(o.asked[0], tc.want) {
				t.Errorf("asked for %v, want %v", o.asked, tc.want)
			}
			if len(o.acts) != 1 || !strings.HasPrefix(o.acts[0], "ann precheck.run") {
				t.Errorf("audited %q", o.acts)
			}
		})
	}
}

func TestAcknowledging(t *testing.T) {
	t.Parallel()
	newest := checkRun(2, passedItem(), failedItem(), warningItem())
	for name, tc := range map[string]struct {
		form   []string
		status int
		words  []string
		acked  bool
	}{
		"with a reason":     {[]string{"run", "2", "item", "objects.key", "reason", " A log. "}, http.StatusSeeOther, nil, true},
		"without a reason":  {[]string{"run", "2", "item", "objects.key", "reason", "  "}, http.StatusUnprocessableEntity, []string{"There is a problem", "Enter the reason", `aria-invalid="true"`, "<title>Error:"}, false},
		"too long a reason": {[]string{"run", "2", "item", "objects.key", "reason", strings.Repeat("字", 501)}, http.StatusUnprocessableEntity, []string{"at most 500 characters", strings.Repeat("字", 501)}, false},
		"an error":          {[]string{"run", "2", "item", "source.privileges", "reason", "I want to."}, http.StatusConflict, []string{"precheck.stale"}, false},
		"what has passed":   {[]string{"run", "2", "item", "source.connect", "reason", "x"}, http.StatusConflict, []string{"precheck.stale"}, false},
		"of an older run":   {[]string{"run", "1", "item", "objects.key", "reason", "x"}, http.StatusConflict, []string{"precheck.stale"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := newest
			run.Items = slices.Clone(newest.Items)
			o := newOffice(t, stepPrecheck, run, checkRun(1, warningItem()))
			shows(t, o.post(precheck+"/acknowledge", tc.form...), tc.status, tc.words...)
			it := item(&o.runs[0], "objects.key")
			if acked := it.AcknowledgedBy == "ann" && it.AcknowledgedWhy == "A log."; acked != tc.acked {
				t.Errorf("acknowledged by %q: %q", it.AcknowledgedBy, it.AcknowledgedWhy)
			}
			if tc.acked && !slices.Contains(o.acts, "ann precheck.acknowledge objects.keyA log.") {
				t.Errorf("audited %q", o.acts)
			}
		})
	}
}

func TestOnlyAPassedPrecheckGoesOn(t *testing.T) {
	t.Parallel()
	changed := checkRun(2, passedItem())
	changed.BodySum = "sum-of-another"
	for name, tc := range map[string]struct {
		run task.CheckRun
		ok  bool
	}{
		"passed": {checkRun(2, passedItem()), true}, "acknowledged": {checkRun(2, acknowledgedItem()), true},
		"failed": {checkRun(2, failedItem()), false}, "open warning": {checkRun(2, warningItem()), false}, "changed": {changed, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, stepPrecheck, tc.run)
			w := o.post(precheck+"/next", "version", "3")
			if tc.ok {
				leads(t, w, confirm)
				shows(t, o.get(confirm), http.StatusOK, "Confirm and start")
				return
			}
			shows(t, w, http.StatusConflict, disabledNext)
			leads(t, o.get(confirm), precheck)
		})
	}
	t.Run("changed in another tab", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, stepPrecheck, checkRun(2, passedItem()))
		shows(t, o.post(precheck+"/next", "version", "2"), http.StatusConflict, `id="wizard-conflict"`)
	})
	t.Run("too early", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, stepConnections)
		leads(t, o.get(precheck), wizardURL(draftID, stepConnections))
		leads(t, o.post(precheck), wizardURL(draftID, stepConnections))
	})
}

func TestTaskChecks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, stepPrecheck, checkRun(2, passedItem(), failedItem()))
	o.made = []task.Summary{{Outline: task.Outline{ID: "t1", Name: "orders", State: task.Running, Spec: task.Spec{Source: task.Source{Host: "host-a"}}}}}
	shows(t, o.get("/tasks/t1/precheck?item=source.privileges"), http.StatusOK, "1 item failed", `action="/tasks/t1/precheck"`, "<dialog", "!wizard-form")
}
