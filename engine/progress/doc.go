// Package progress keeps the newest status of every task for those who watch: [Hub] fans it out, the latest wins, and
// keeps a short history for charts. It knows no HTTP, no clock but the one it is given, and does no I/O.
//
// Set never waits for a watcher. A slow watcher misses what was in between and sees the newest.
package progress
