package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"sluice/handlers"
	"sluice/store"
)

const userHelp = `usage: sluice user list [options]
       sluice user add NAME [options]
       sluice user reset-password NAME [options]
       sluice user remove NAME [options]

Who may sign in to the console of a data folder; the console may run meanwhile.
add and reset-password print a link that signs the user in once, within a day, to
choose a password, or take the password from standard input. A reset ends all
sessions of the user at once.
`

type userOptions struct {
	data, url string
	stdin     bool
}

func (p *program) user(ctx context.Context, args []string) int {
	f := p.flags("user", userHelp)
	var o userOptions
	f.StringVar(&o.data, "data", "./data", "`DIR` of the console (default ./data)")
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080", "`URL` at which the console is reached, for the link (default http://127.0.0.1:8080)")
	f.BoolVar(&o.stdin, "password-stdin", false, "take the password from the first line of standard input, instead of a link")
	n := 2
	if len(args) > 0 && args[0] == "list" {
		n = 1
	}
	words, code, ok := f.parse(args, n)
	if !ok {
		return code
	}
	act := map[string]func(*program, context.Context, *store.Store, string, userOptions) error{
		"list": (*program).userList, "add": (*program).userAdd, "reset-password": (*program).userReset, "remove": (*program).userRemove}[words[0]]
	if act == nil {
		return f.wrong("%q is none of list, add, reset-password and remove", words[0])
	}
	name := ""
	if n == 2 {
		name = strings.TrimSpace(words[1])
	}
	if n == 2 && (name == "" || utf8.RuneCountInString(name) > 64 || strings.ContainsFunc(name, unicode.IsControl)) {
		return f.wrong("a name has 1 to 64 characters")
	}
	if _, err := os.Stat(filepath.Join(o.data, "sluice.db")); errors.Is(err, fs.ErrNotExist) && words[0] != "add" { // which may come before the first start
		return f.wrong("%s is not a data folder of Sluice; name it with --data", o.data)
	}
	st, err := store.OpenAccounts(o.data)
	if err == nil {
		err = errors.Join(act(p, ctx, st, name, o), st.Close())
	}
	var wrong usageError
	if errors.As(err, &wrong) {
		return f.wrong("%s", string(wrong))
	}
	if err != nil {
		tell(p.stderr, err)
	}
	return exitOf(err)
}

// usageError is what was wrong with what was given.
type usageError string

func (e usageError) Error() string { return string(e) }

// password reads one from standard input, where it is not seen in the list of processes.
func (p *program) password(o userOptions) (string, error) {
	if !o.stdin {
		return "", nil
	}
	line, err := bufio.NewReader(p.stdin).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.Join(usageError("standard input holds no password"), err)
	}
	if n := utf8.RuneCountInString(line); n < handlers.PasswordLeast || n > handlers.PasswordMost {
		return "", usageError(fmt.Sprintf("a password has %d to %d characters", handlers.PasswordLeast, handlers.PasswordMost))
	}
	return line, nil
}

func (p *program) userList(ctx context.Context, st *store.Store, _ string, _ userOptions) error {
	users, err := st.Users(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSIGNS IN BY\tSESSIONS\tLAST SEEN\tSINCE")
	for _, u := range users {
		by, seen := "link", "-"
		if u.Password {
			by = "password"
		}
		if !u.Seen.IsZero() {
			seen = u.Seen.Format("2006-01-02 15:04")
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", u.Name, by, u.Sessions, seen, u.Created.Format("2006-01-02"))
	}
	return w.Flush()
}

func (p *program) userAdd(ctx context.Context, st *store.Store, name string, o userOptions) error {
	password, err := p.password(o)
	if err != nil {
		return err
	}
	if err := st.AddUser(ctx, name, password); err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "The user %s was added.\n", name)
	return p.userDone(ctx, st, "user.add", name, o)
}

func (p *program) userReset(ctx context.Context, st *store.Store, name string, o userOptions) error {
	password, err := p.password(o)
	if err != nil {
		return err
	}
	if err := st.ResetPassword(ctx, name, password); err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "The password of %s was reset; all sessions have ended.\n", name)
	return p.userDone(ctx, st, "user.reset_password", name, o)
}

// userDone keeps what was done and prints the link where there is no password yet.
func (p *program) userDone(ctx context.Context, st *store.Store, action, name string, o userOptions) error {
	if err := st.Audit(ctx, "command line", action, name, nil); err != nil || o.stdin {
		return err
	}
	ticket, err := st.Ticket(ctx, name)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stderr, "This link signs in once, within a day, to choose a password:")
	q := url.Values{"ticket": {ticket}, "next": {"/account"}}
	fmt.Fprintf(p.stdout, "%s/signin?%s\n", strings.TrimRight(o.url, "/"), q.Encode())
	return nil
}

func (p *program) userRemove(ctx context.Context, st *store.Store, name string, _ userOptions) error {
	if err := st.RemoveUser(ctx, name); err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "The user %s was removed.\n", name)
	return st.Audit(ctx, "command line", "user.remove", name, nil)
}
