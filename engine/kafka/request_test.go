package kafka

import "testing"

// TestRefreshesAreShared: who asks while metadata are fetched has the next fetch, with all others who do.
func TestRefreshesAreShared(t *testing.T) {
	var r refreshes
	began, goOn := make(chan int), make(chan bool)
	fetches := 0
	fetch := func() {
		fetches++
		began <- fetches
		<-goOn
	}
	first := r.after(fetch)
	<-began
	second := r.after(fetch)
	for range 100 {
		if r.after(fetch) != second {
			t.Fatal("two of them wait for different fetches")
		}
	}
	if first == second {
		t.Fatal("metadata that were asked for before are taken")
	}
	goOn <- true
	<-first
	if n := <-began; n != 2 {
		t.Fatal(n)
	}
	select {
	case <-second:
		t.Fatal("it does not wait for the fetch")
	default:
	}
	goOn <- true
	<-second
	third := r.after(fetch)
	<-began
	goOn <- true
	if <-third; fetches != 3 {
		t.Errorf("%d fetches", fetches)
	}
}
