package store

import (
	"context"
	"testing"
	"time"

	"sluice/engine/task"
)

const longEnough = "a long enough password"

// One who resets a password wants everybody out who came in with the old one; the others stay.
func TestResetEndsSessions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s := openAt(t, dir, newClock())
	for _, name := range []string{"Ann", "bob"} {
		if err := s.AddUser(ctx, name, longEnough); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name, password string) string {
		t.Helper()
		session, err := s.SignIn(ctx, name, password)
		if err != nil {
			t.Fatalf("signing %s in: %v", name, err)
		}
		return session
	}
	whose := func(session, want string) {
		t.Helper()
		if got, err := s.SessionUser(ctx, session); err != nil || got != want {
			t.Errorf("the session is of %q (%v), want %q", got, err, want)
		}
	}
	first, second, bobs := in("ann", longEnough), in("ANN", longEnough), in("bob", longEnough)
	link, err := s.Ticket(ctx, "ann")
	if err != nil {
		t.Fatal(err)
	}

	if err := s.ChangePassword(ctx, "Ann", first, "wrong", "another long password"); task.Code(err) != "auth.wrong" {
		t.Errorf("with the wrong password: %v", err)
	}
	whose(second, "Ann")
	if err := s.ChangePassword(ctx, "Ann", first, longEnough, "another long password"); err != nil {
		t.Fatal(err)
	}
	whose(first, "Ann") // who changes it stays
	whose(second, "")
	whose(bobs, "bob")
	if _, err := s.SignInWithTicket(ctx, link); task.Code(err) != "auth.ticket" {
		t.Errorf("a link from before the change: %v", err)
	}
	if _, err := s.SignIn(ctx, "Ann", longEnough); task.Code(err) != "auth.wrong" {
		t.Errorf("the old password: %v", err)
	}

	// The command works beside the process that holds the folder.
	beside, err := OpenAccounts(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := beside.ResetPassword(ctx, "ann", ""); err != nil {
		t.Fatal(err)
	}
	whose(first, "")
	whose(bobs, "bob")
	for _, password := range []string{"", "another long password"} {
		if _, err := s.SignIn(ctx, "Ann", password); task.Code(err) != "auth.wrong" {
			t.Errorf("the password %q of one who has none: %v", password, err)
		}
	}
	if has, err := s.HasPassword(ctx, "ann"); has || err != nil {
		t.Errorf("has a password: %v %v", has, err)
	}
	if link, err = beside.Ticket(ctx, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := beside.Close(); err != nil {
		t.Fatal(err)
	}
	if first, err = s.SignInWithTicket(ctx, link); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangePassword(ctx, "Ann", first, "", longEnough); err != nil {
		t.Fatal(err)
	}
	second = in("Ann", longEnough)
	if err := s.SignOutAll(ctx, "Ann"); err != nil {
		t.Fatal(err)
	}
	whose(first, "")
	whose(second, "")
	whose(bobs, "bob")
}

func TestUsersComeAndGo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openAt(t, t.TempDir(), newClock())
	for _, name := range []string{"bob", "Ann"} {
		if err := s.AddUser(ctx, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	for code, do := range map[string]func() error{
		"auth.user_exists": func() error { return s.AddUser(ctx, "ANN", longEnough) },
		"auth.no_user":     func() error { return s.ResetPassword(ctx, "carl", longEnough) },
	} {
		if err := do(); task.Code(err) != code {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	if err := s.ResetPassword(ctx, "bob", longEnough); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignIn(ctx, "bob", longEnough); err != nil {
		t.Fatal(err)
	}
	users, err := s.Users(ctx)
	if err != nil || len(users) != 2 || users[0].Name != "Ann" || users[0].Password || users[0].Sessions != 0 || !users[0].Seen.IsZero() ||
		!users[1].Password || users[1].Sessions != 1 || users[1].Seen.IsZero() || users[1].Created.IsZero() {
		t.Fatalf("%+v %v", users, err)
	}
	session, err := s.SignIn(ctx, "bob", longEnough)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveUser(ctx, "BOB"); err != nil {
		t.Fatal(err)
	}
	if name, err := s.SessionUser(ctx, session); name != "" || err != nil {
		t.Errorf("the session of a removed user is of %q, %v", name, err)
	}
	if err := s.RemoveUser(ctx, "bob"); task.Code(err) != "auth.no_user" {
		t.Errorf("removed twice: %v", err)
	}
	if err := s.RemoveUser(ctx, "Ann"); task.Code(err) != "auth.last_user" {
		t.Errorf("the last one: %v", err)
	}
}

// TestSessionStaysAwake: a session lasts while it is used, up to its life, and ends after hours without.
func TestSessionStaysAwake(t *testing.T) {
	t.Parallel()
	ctx, clock := t.Context(), newClock()
	s := openAt(t, t.TempDir(), clock)
	if err := s.AddUser(ctx, "ann", longEnough); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pause time.Duration
		times int
	}{
		"used":    {sessionIdle - time.Minute, int(sessionLife / (sessionIdle - time.Minute))},
		"left":    {sessionIdle, 0},
		"seconds": {30 * time.Second, 3},
	} {
		session, err := s.SignIn(ctx, "ann", longEnough)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; n <= c.times; n++ {
			clock.forward(c.pause)
			if user, err := s.SessionUser(ctx, session); err != nil {
				t.Fatal(err)
			} else if user == "" {
				break
			}
			s.touching.Wait()
		}
		if name != "seconds" && n != c.times {
			t.Errorf("%s: it lasted for %d times %s, not %d", name, n, c.pause, c.times)
		} else if name == "seconds" && n <= c.times {
			t.Errorf("%s: it is over", name)
		}
	}
}
