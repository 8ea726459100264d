package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

const keyFile = "secret.key"

// vault encrypts what must not be read from the database alone: AES-256-GCM with a key in a file beside it.
type vault struct {
	aead cipher.AEAD
	key  []byte
}

// openVault reads the key, making it in a new folder.
func openVault(dir string) (*vault, error) {
	path := filepath.Join(dir, keyFile)
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, failure("reading the key of the passwords", err)
	}
	if len(key) != 32 {
		return nil, badKey()
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &vault{aead, key}, err
}

// makeKey never leaves half a key behind: a power cut would make every password unreadable.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: it ends the process first
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, err
	}
	return key, syncFolder(filepath.Dir(path))
}

func badKey() *task.Error {
	return &task.Error{Code: "data.key", Text: "The file secret.key in the data folder is not the key that the passwords were encrypted with.",
		Hint: "Put back the secret.key that belongs to this folder, or give the passwords of the tasks anew."}
}

// seal encrypts for one place: what is moved to another row does not open there.
func (v *vault) seal(place string, plain []byte) []byte {
	return v.aead.Seal(nil, nil, plain, []byte(place))
}

func (v *vault) open(place string, sealed []byte) ([]byte, error) {
	plain, err := v.aead.Open(nil, nil, sealed, []byte(place))
	if err != nil {
		return nil, badKey()
	}
	return plain, nil
}

// Key derives a key of 32 bytes for another use, so that nothing else needs a file.
func (s *Store) Key(use string) ([]byte, error) {
	v, err := s.secrets()
	if err != nil {
		return nil, err
	}
	return v.derive(use)
}

// SetSecret keeps a password of a draft or task; an empty one removes it.
func (s *Store) SetSecret(ctx context.Context, subject, name string, secret task.Secret) error {
	v, err := s.secrets()
	if err != nil {
		return err
	}
	return s.write(ctx, durable, "keeping a password", func(tx *sqlx.Tx) error {
		return v.put(ctx, tx, subject, name, secret)
	})
}

func (v *vault) put(ctx context.Context, tx *sqlx.Tx, subject, name string, secret task.Secret) error {
	if secret == "" {
		_, err := tx.ExecContext(ctx, "DELETE FROM secret WHERE subject = ? AND name = ?", subject, name)
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO secret (subject, name, sealed) VALUES (?, ?, ?)",
		subject, name, v.seal(subject+"/"+name, []byte(secret.Reveal())))
	return err
}

// Secrets gives the passwords of a draft or task by name.
func (s *Store) Secrets(ctx context.Context, subject string) (map[string]task.Secret, error) {
	v, err := s.secrets()
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Name   string
		Sealed []byte
	}
	if err := s.db.SelectContext(ctx, &rows, "SELECT name, sealed FROM secret WHERE subject = ?", subject); err != nil {
		return nil, failure("reading passwords", err)
	}
	out := map[string]task.Secret{}
	for _, r := range rows {
		plain, err := v.open(subject+"/"+r.Name, r.Sealed)
		if err != nil {
			return nil, err
		}
		out[r.Name] = task.Secret(plain)
	}
	return out, nil
}

// fill puts the kept passwords into a specification; those that it has stay.
func (s *Store) fill(ctx context.Context, subject string, spec *task.Spec) error {
	kept, err := s.Secrets(ctx, subject)
	if err != nil {
		return err
	}
	if spec.Source.Password == "" {
		spec.Source.Password = kept["source"]
	}
	if spec.Target.Password == "" {
		spec.Target.Password = kept["target"]
	}
	return nil
}

func (v *vault) derive(use string) ([]byte, error) {
	return hkdf.Key(sha256.New, v.key, nil, use, 32)
}
