package schema

import (
	"slices"
	"testing"

	"sluice/engine/cdc"
)

func TestOnlineChange(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]string{"_t_gho": "t", "__t_new": "t", "_a_b_ghc": "a_b", "_t_old": "t", "t_new": "", "_gho": "", "_t_news": ""} {
		if got := Shadows(name); got != of {
			t.Errorf("%s is of %q, want %q", name, got, of)
		}
	}
	h := history()
	steps := []string{"CREATE TABLE _item_gho LIKE item", "ALTER TABLE _item_gho ADD wrong int", "DROP TABLE _item_gho", "CREATE TABLE _item_gho LIKE item",
		"ALTER TABLE `app`.`_item_gho` /* x */ ADD a varchar(9) DEFAULT ', ', DROP name;", "ALTER TABLE _item_gho ADD KEY (a)"}
	for i, sql := range steps {
		if _, err := h.OnDDL(at(uint64(110+i)), cdc.MySQL, "app", sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range []*History{reload(t, h), h} {
		changes, err := h.OnDDL(at(200), cdc.MySQL, "app", "RENAME TABLE item TO _item_del, _item_gho TO item")
		if err != nil || len(changes) != 2 || changes[0].Alters != nil || !slices.Equal(changes[1].Alters, steps[4:]) {
			t.Fatalf("%v %+v", err, changes)
		}
		want := "ALTER TABLE `app`.`item` ADD a varchar(9) DEFAULT ', ', DROP name, ADD KEY (a)"
		if got := Effective(cdc.MySQL, changes[1].To, changes[1].Alters); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
