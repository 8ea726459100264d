package handlers

import (
	"testing"

	"sluice/views/i18n"
)

// TestGoldenChecks keeps the last two steps of the wizard as they look, in both languages.
func TestGoldenChecks(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"wizard-precheck": precheck, "wizard-precheck-item": precheck + "?item=objects.key", "wizard-confirm": confirm} {
		for _, lang := range i18n.Tags() {
			t.Run(name+"."+lang, func(t *testing.T) {
				t.Parallel()
				items := checkRun(2, passedItem(), failedItem(), warningItem())
				if path == confirm {
					items = checkRun(2, passedItem(), acknowledgedItem())
				}
				o := newOffice(t, stepConfirm, items, checkRun(1, failedItem()))
				o.lang = lang
				golden(t, name+"."+lang, o.get(path).Body.String())
			})
		}
	}
}
