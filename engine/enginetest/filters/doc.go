// Package filters holds row filters as changes are judged by them against the WHERE of real servers.
package filters
