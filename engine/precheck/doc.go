// Package precheck looks at a source, the selected tables and a target before a task starts, and says what would go
// wrong and how to put it right. It changes nothing anywhere.
//
// A check has an id, a group, what is expected and a run that gives a finding. Run makes one Item of each, those that
// failed first. A check whose ground is missing (no connection) is skipped, never passed. What the checks ask of
// servers and of other rooms is in Deps.
package precheck
