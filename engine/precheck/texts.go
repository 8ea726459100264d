package precheck

import (
	_ "embed"
	"encoding/json"
	"strings"
)

// catalogue holds the sentences in English: "check.<id>.name" and ".expected", "finding.<code>.observed", ".cause" and
// ".fix", in which {{.Name}} stands for a parameter. The console has the same keys in its languages.
//
//go:embed texts.json
var catalogue []byte

var texts = func() map[string]string {
	m := map[string]string{}
	if err := json.Unmarshal(catalogue, &m); err != nil {
		panic(err) // the file is part of the program
	}
	return m
}()

// text fills a sentence of the catalogue; one that is not there is empty. What an empty parameter leaves at
// its end is cut.
func text(key string, params map[string]string) string {
	pairs := make([]string, 0, 2*len(params))
	for name, value := range params {
		pairs = append(pairs, "{{."+name+"}}", value)
	}
	return strings.TrimRight(strings.NewReplacer(pairs...).Replace(texts[key]), " :\n")
}

// sentences gives what was observed, its cause and what to do.
func (f *finding) sentences() (observed, cause, fix string) {
	at := "finding." + f.code
	if f.status != Failed {
		return text(at+".observed", f.params), "", ""
	}
	return text(at+".observed", f.params), text(at+".cause", f.params), text(at+".fix", f.params)
}
