package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/task"
)

var errBinlogOff = &task.Error{
	Code: "source.binlog_off",
	Text: "the server writes no binlog",
	Hint: "Set log_bin in the server's configuration and restart it.",
}

// cause is how one of the server's error numbers is told to a person.
type cause struct {
	code  string
	text  string
	hint  string
	retry bool
}

// causes is the table of the numbers that people meet. grantHint stands for the GRANT statement.
var causes = map[uint16]cause{
	1040: {"source.too_many_connections", "the server has no connection left", "Raise max_connections, or end idle connections.", true},
	1044: {"source.privilege_missing", "the account may not use this database", grantHint, false},
	1045: {"source.access_denied", "the server refused the account or its password", "Check the user name, the password and the host that the account is created for.", false},
	1049: {"source.schema_missing", "there is no such database", "Check the database's name; it may have been dropped.", false},
	1053: {"source.connection_lost", "the server is shutting down", "Nothing to do while the server restarts.", true},
	1054: {"source.column_missing", "a column does not exist", "Check the columns that the row filter names.", false},
	1064: {"source.syntax", "the server does not understand the statement", "Check the row filter: it must be an SQL condition.", false},
	1129: {"source.host_blocked", "the server blocks this host after too many connection errors", "Run FLUSH HOSTS on the server.", false},
	1130: {"source.host_not_allowed", "the server does not let this host connect", "Create the account for this host: CREATE USER ...@'%'.", false},
	1142: {"source.privilege_missing", "the account may not read this table", grantHint, false},
	1143: {"source.privilege_missing", "the account may not read a column", grantHint, false},
	1146: {"source.table_missing", "there is no such table", "Check the table's name; it may have been dropped or renamed.", false},
	1158: {"source.connection_lost", "the connection to the server was lost", "Nothing to do if it passes.", true},
	1159: {"source.connection_lost", "the connection to the server was lost", "Nothing to do if it passes.", true},
	1160: {"source.connection_lost", "the connection to the server was lost", "Nothing to do if it passes.", true},
	1161: {"source.connection_lost", "the connection to the server was lost", "Nothing to do if it passes.", true},
	1203: {"source.too_many_connections", "the account has no connection left", "Raise max_user_connections of the account.", true},
	1205: {"source.lock_wait", "another session holds the table's metadata lock, most often an ALTER TABLE", "Nothing to do once that statement is over.", true},
	1213: {"source.lock_wait", "the server ended this transaction for another one", "Nothing to do if it passes.", true},
	1226: {"source.too_many_connections", "the account used up one of its limits", "Raise the account's resource limits.", true},
	1227: {"source.privilege_missing", "the account lacks a privilege", grantHint, false},
	1236: {"source.binlog_purged", "the server cannot send the binlog from where this task stopped", "The binlog was most likely purged: copy the tables anew, and keep the binlog longer (binlog_expire_logs_seconds).", false},
	1251: authPlugin,
	1317: {"source.connection_lost", "the statement was interrupted at the server", "Nothing to do if it passes.", true},
	1356: {"source.view_invalid", "a view refers to something that is missing or not allowed", "Mend the view or leave it out.", false},
	1370: {"source.privilege_missing", "the account may not run a routine", grantHint, false},
	1524: authPlugin, // it is not loaded, as mysql_native_password from MySQL 8.4 on
	1698: {"source.access_denied", "the server refused the account or its password", "Check the user name, the password and the host that the account is created for.", false},
	1381: {errBinlogOff.Code, errBinlogOff.Text, errBinlogOff.Hint, false},
	1412: {"source.table_changed", "the table was changed after the snapshot was opened", "Nothing to do: the chunk is read again.", true},
	1927: {"source.connection_lost", "the connection was killed at the server", "Nothing to do if it passes.", true},
	3024: {"source.query_timeout", "the server ended the statement after max_execution_time", "Raise max_execution_time, or set it to 0.", true},
	3118: {"source.account_locked", "the account is locked", "Run ALTER USER ... ACCOUNT UNLOCK.", false},
	3159: {"source.tls_required", "the server accepts encrypted connections only", "Set the source's TLS mode to require, ca or full.", false},
	1820: {"source.password_expired", "the account's password has expired", "Set the password of the account again.", false},
	1862: {"source.password_expired", "the account's password has expired", "Set the password of the account again.", false},
	4031: {"source.connection_lost", "the server closed the idle connection", "Nothing to do if it passes.", true},
	3955: {"source.account_locked", "the account is locked", "Run ALTER USER ... ACCOUNT UNLOCK.", false},
	4052: sameServerID,
	4151: {"source.account_locked", "the account is locked", "Run ALTER USER ... ACCOUNT UNLOCK.", false},
}

const grantHint = "grant"

// sameServerID is MariaDB's 4052, and one of the many meanings of 1236.
var sameServerID = cause{"source.server_id_clash", "another replica came with the server id of this reader, and the server sends its binlog to one of them",
	"Nothing to do: another id is drawn. If it comes again and again, two programs copy one configuration.", true}

// undecodable is an error in what the server sent, not in how it came: trying again would bring the same.
type undecodable struct{ err error }

func (e *undecodable) Error() string { return e.err.Error() }
func (e *undecodable) Unwrap() error { return e.err }

var unreadable = cause{"source.unreadable", "what the server sent could not be read", "Report it with the message, the table's definition and the server's version.", false}

// lost is anything that keeps a connection from coming about, or ends it.
var lost = cause{"source.connection_lost", "the connection to the source was lost", "Nothing to do if it passes; else look into the server's log.", true}

// authPlugin is a way of signing in that this program or the server does not know.
var authPlugin = cause{"source.auth_plugin", "the account signs in by a method that is not supported",
	"Use caching_sha2_password, sha256_password or mysql_native_password for the account, on MariaDB ed25519 or mysql_native_password.", false}

// classify turns an error of an open connection into what a person reads. A *task.Error stays as it is.
func (s *Source) classify(err error) error { return s.explain(admitted(err), lost) }

// admitted knows that who has signed in and asks for the binlog without REPLICATION SLAVE is answered as a wrong
// password is.
func admitted(err error) error {
	var answer *gomysql.MyError
	if errors.As(err, &answer) && answer.Code == gomysql.ER_ACCESS_DENIED_ERROR {
		return &gomysql.MyError{Code: gomysql.ER_SPECIFIC_ACCESS_DENIED_ERROR, Message: answer.Message, State: answer.State}
	}
	return err
}

// classifyDial is classify while a connection is being made, where the library keeps only the text of many causes.
func (s *Source) classifyDial(err error) error {
	// The server has been asked by then, and encryption is there.
	if err != nil && strings.Contains(err.Error(), "auth plugin '") {
		return s.explain(err, authPlugin)
	}
	if mode := s.spec.TLS.Mode; mode != "" && mode != "off" {
		return s.explain(err, cause{"source.tls_unavailable", "no encrypted connection could be made", "Configure TLS on the server, or set the source's TLS mode to off.", false})
	}
	return s.explain(err, lost)
}

// explain takes other for what is neither an answer of the server nor known to be the network's or ours.
func (s *Source) explain(err error, other cause) error {
	var known *task.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	var answer *gomysql.MyError
	if errors.As(err, &answer) {
		c, ok := causes[answer.Code]
		if answer.Code == gomysql.ER_MASTER_FATAL_ERROR_READING_BINLOG && strings.Contains(answer.Message, "same server_uuid/server_id") {
			c = sameServerID
		}
		if !ok {
			c = cause{code: "source.query", text: fmt.Sprintf("the server answered with error %d", answer.Code), hint: "See the server's message."}
		}
		if c.hint == grantHint {
			c.hint = "Run on the server: " + grantAll(s.spec.User, "%")
		}
		return &task.Error{Code: c.code, Text: c.text, Hint: c.hint, Retry: c.retry, Err: answer}
	}
	c := transport(err, other)
	var ours *undecodable
	if errors.As(err, &ours) || errors.Is(err, gomysql.ErrMalformPacket) {
		c = unreadable
	}
	return &task.Error{Code: c.code, Text: c.text, Hint: c.hint, Retry: c.retry, Err: err}
}

// transport tells what happened below the protocol.
func transport(err error, other cause) cause {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		dns       *net.DNSError
		timeout   net.Error
		network   *net.OpError
	)
	switch {
	case errors.As(err, &hostname):
		return cause{"source.tls_host", "the server's certificate is for another host name", "Use the name in the certificate, or TLS mode ca, which does not check the name.", false}
	case errors.As(err, &invalid):
		return cause{"source.tls_invalid", "the server's certificate is not valid", "It has expired, is not yet valid or is not for servers: renew it, or check the clock of this machine.", false}
	case errors.As(err, &authority), errors.As(err, &verify):
		return cause{"source.tls_untrusted", "the server's certificate is not signed by a trusted authority", "Give the authority's certificate as the CA file.", false}
	case errors.As(err, &record), errors.As(err, &alert):
		return cause{"source.tls", "the TLS handshake failed", "Check the TLS settings of server and task.", true}
	case errors.As(err, &dns):
		return cause{"source.host_unknown", "the source's host name cannot be resolved", "Check the host name, and the name servers of this machine.", true}
	case errors.Is(err, syscall.ECONNREFUSED):
		return cause{"source.refused", "nothing listens on the source's port", "Check host and port, and whether the server runs.", true}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return cause{"source.unreachable", "there is no route to the source", "Check the network and the firewall.", true}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return cause{"source.timeout", "the source did not answer in time", "Check the network, the firewall and the server's load.", true}
	case errors.Is(err, gomysql.ErrBadConn), errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return lost
	}
	return other
}

// withOp says what was being done; other errors pass as they are.
func withOp(op string, err error) error {
	var e *task.Error
	if errors.As(err, &e) && e.Op == "" {
		told := *e
		told.Op = op
		return &told
	}
	return err
}

// grantAll is the statement that gives an account all that the engine needs.
func grantAll(user, host string) string {
	return "GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO " + quoteString(user) + "@" + quoteString(host) + ";"
}
