package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"sluice/engine/task"
)

// failure wraps an error of SQLite or of the file system once: what a person can act on becomes a *task.Error.
func failure(op string, err error) error {
	var done *task.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &done), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if e := known(err); e != nil {
		e.Op, e.Err = op, err
		return e
	}
	return fmt.Errorf("%s: %w", op, err)
}

func known(err error) *task.Error {
	var sq *sqlite.Error
	switch {
	case errors.As(err, &sq):
		return knownSQLite(sq.Code())
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return diskFull()
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return &task.Error{Code: "data.not_a_folder", Text: "The data folder, or something that should be one in it, is a file.",
			Hint: "Name a folder; it is made if it is missing."}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return notWritable()
	case errors.Is(err, syscall.EIO):
		return diskFailed()
	}
	return nil
}

// knownSQLite goes by the primary result code, the low byte of the extended one.
func knownSQLite(code int) *task.Error {
	if code == sqlite3.SQLITE_IOERR_SHMSIZE { // the shared index of the log could not grow
		return diskFull()
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return diskFull()
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return locked("Another program holds the database of the data folder.")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return &task.Error{Code: "data.corrupt", Text: "The database of the data folder is damaged.",
			Hint: "Put back a copy of the folder from before, or give a new folder and run the task anew to empty topics. A damaged folder cannot be continued without losing or repeating records."}
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return notWritable()
	case sqlite3.SQLITE_IOERR:
		return diskFailed()
	}
	return nil
}

func diskFull() *task.Error {
	return &task.Error{Code: "data.disk_full", Text: "The disk that holds the data folder is full.", Retry: true,
		Hint: "Free space on it; the task then goes on from where it stopped."}
}

func diskFailed() *task.Error {
	return &task.Error{Code: "data.disk_failed", Text: "The disk that holds the data folder could not be read or written.",
		Hint: "Look at the system log for errors of the disk, then start the task again."}
}

func notWritable() *task.Error {
	return &task.Error{Code: "data.not_writable", Text: "The data folder cannot be written.",
		Hint: "Give this user the right to write to the folder and to all in it, or name another folder."}
}

func locked(text string) *task.Error {
	return &task.Error{Code: "data.locked", Text: text, Retry: true,
		Hint: "End the other process, or give this one a data folder of its own."}
}
