// Package shop is the demo's data: tables of a shop with about 200,000 rows that are the same each time, and a writer
// that keeps the shop busy. It works on MariaDB and MySQL.
package shop
