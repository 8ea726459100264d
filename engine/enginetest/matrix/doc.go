// Package matrix runs whole tasks between every source and every target of docs/compatibility.md: schema, full copy and
// changes under a small workload, the process killed in the middle of the copy and of the changes, every record judged
// by the oracle. Accounts, encryption, sign-in and compression go around the grid so that each server is met in each way
// of connecting, and each broker with each sign-in and each compression. Settings of the source have cells of their own.
//
//	go test ./engine/enginetest/matrix                                                    what `task test` does
//	go test ./engine/enginetest/matrix -v -matrix.all -matrix.out=results                 every cell: needs .ci/fetch matrix
//	go test ./engine/enginetest/matrix -v -matrix.pairs=mariadb-11.8/kafka-2.8.2          some cells
//	go test ./engine/enginetest/matrix -run TestTable -matrix.update                      the tables of docs/compatibility.md
package matrix
