package main

import (
	"context"
	"slices"

	"sluice/engine/task"
)

// sharing finds the other tasks that write to topics of the same cluster; self is the task that asks. Two clusters are
// one where they have a broker in common.
func sharing(tasks func(context.Context) ([]task.Outline, error), self string, target task.Target) func(context.Context, []string) ([]string, error) {
	return func(ctx context.Context, topics []string) ([]string, error) {
		all, err := tasks(ctx)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, s := range all {
			if s.ID != self && s.State != task.Finished && overlap(s.Spec.Target.Brokers, target.Brokers) && overlap(s.Spec.Topics(), topics) {
				names = append(names, s.Name)
			}
		}
		return names, nil
	}
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
