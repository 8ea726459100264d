// Package precheck looks at a source, the selected tables and a target before a task starts, and says what would go
// wrong and how to put it right. It changes nothing anywhere.
//
// A check has an id, a group, what is expected and a run that gives a finding. Run makes one Item of each, those that
// failed first. A finding is a code and parameters; texts.json has its sentences in English, and the console has them
// in its languages. A check whose ground is missing (no connection) is skipped, never passed. What the checks ask of
// servers and of other rooms is in Deps.
//
// TestSource and TestTarget try the way to a server alone, stage by stage, with the findings of the same checks.
package precheck
