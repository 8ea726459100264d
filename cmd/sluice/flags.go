package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// flags is a command's flag set: its help goes to standard output when asked for, to standard error when not.
type flags struct {
	*flag.FlagSet
	p    *program
	help string
}

func (p *program) flags(name, help string) *flags {
	f := &flags{flag.NewFlagSet(name, flag.ContinueOnError), p, help}
	f.SetOutput(io.Discard)
	return f
}

// parse reads options before, between and after the words and gives the words, of which there must be n. Where ok is
// false, the command is over with the exit code.
func (f *flags) parse(args []string, n int) (words []string, code int, ok bool) {
	for {
		if err := f.FlagSet.Parse(args); errors.Is(err, flag.ErrHelp) {
			f.usage(f.p.stdout)
			return nil, exitDone, false
		} else if err != nil {
			return nil, f.wrong("%v", err), false
		}
		if args = f.Args(); len(args) == 0 {
			break
		}
		words, args = append(words, args[0]), args[1:]
	}
	if len(words) != n {
		return nil, f.wrong("%s wants %d word(s) beside its options, not %d", f.Name(), n, len(words)), false
	}
	return words, 0, true
}

func (f *flags) wrong(format string, args ...any) int {
	fmt.Fprintf(f.p.stderr, "sluice "+f.Name()+": "+format+"\n", args...)
	fmt.Fprintf(f.p.stderr, "\"sluice %s --help\" lists the options.\n", f.Name())
	return exitUsage
}

func (f *flags) usage(to io.Writer) {
	fmt.Fprintf(to, "%s\noptions:\n", f.help)
	f.VisitAll(func(o *flag.Flag) {
		value, text := flag.UnquoteUsage(o)
		if value != "" {
			value = " " + value
		}
		fmt.Fprintf(to, "  --%-18s %s\n", o.Name+value, text)
	})
	fmt.Fprint(to, "\n"+exitHelp)
}
