package main

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sluice/engine/task"
)

func TestSharing(t *testing.T) {
	t.Parallel()
	to := func(id string, state task.State, broker, topic, own string) task.Outline {
		return task.Outline{ID: id, Name: "task " + id, State: state, Spec: task.Spec{Target: task.Target{Brokers: []string{"k0:9092", broker}, Topic: topic},
			Tables: []task.Table{{Name: "a"}, {Name: "b", Topic: own}}}}
	}
	tasks := []task.Outline{to("1", task.Running, "k1:9092", "shop", ""), to("2", task.Stopped, "k1:9092", "other", "shop"), to("3", task.Finished, "k1:9092", "shop", ""),
		to("4", task.Running, "k9:9092", "shop", ""), to("5", task.Running, "k1:9092", "other", "more"), to("6", task.Running, "k1:9092", "shop", "")}
	all := func(context.Context) ([]task.Outline, error) { return tasks, nil }
	got, err := sharing(all, "6", task.Target{Brokers: []string{"k1:9092"}})(t.Context(), []string{"shop"})
	if err != nil || !slices.Equal(got, []string{"task 1", "task 2"}) {
		t.Error(got, err)
	}
	lost := errors.New("lost")
	if _, err := sharing(func(context.Context) ([]task.Outline, error) { return nil, lost }, "", task.Target{})(t.Context(), nil); !errors.Is(err, lost) {
		t.Error(err)
	}
}
