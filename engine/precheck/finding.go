package precheck

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/engine/task"
)

// finding is what a check found.
type finding struct {
	code     string
	params   map[string]string
	status   Status
	severity Severity // of a failure; empty: the check's
	err      *task.Error
}

// passed, failed and skipped make a finding; params are names and values by turns.
func passed(code string, params ...string) finding { return found(Passed, code, params) }

func failed(code string, params ...string) finding { return found(Failed, code, params) }

func skipped(code string, params ...string) finding { return found(Skipped, code, params) }

func found(status Status, code string, params []string) finding {
	f := finding{code: code, status: status}
	for i := 0; i+1 < len(params); i += 2 {
		if f.params == nil {
			f.params = map[string]string{}
		}
		f.params[params[i]] = params[i+1]
	}
	return f
}

// as gives a failure another severity than the check has.
func (f finding) as(s Severity) finding {
	f.severity = s
	return f
}

// refused makes a finding of an error. The code "error" stands for the error's own texts: Code is its code, Text and
// Hint are its English sentences, Detail what the server said.
func refused(err error) finding {
	if errors.Is(err, context.DeadlineExceeded) && task.Code(err) == "internal" {
		return failed("timeout")
	}
	var e *task.Error
	if !errors.As(err, &e) {
		e = &task.Error{Code: "internal", Text: err.Error()}
	}
	f := failed("error", "Code", e.Code, "Text", e.Text, "Hint", e.Hint, "Detail", "")
	f.err = e
	if e.Err != nil {
		f.params["Detail"] = e.Err.Error()
	}
	return f
}

// list writes the first few of many, in no language.
func list(words []string) string {
	const most = 10
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s, … (+%d)", strings.Join(words[:most], ", "), len(words)-most)
}
