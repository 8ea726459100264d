// Package values tests that every value arrives as the server itself prints it, read by two programs that share no
// code with Sluice.
package values
