package task

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// Environment variables that a written task file names in place of the passwords.
const (
	sourcePasswordEnv = "SLUICE_SOURCE_PASSWORD"
	targetPasswordEnv = "SLUICE_TARGET_PASSWORD"
)

// Document writes the specification as a task file that LoadFile reads. No password is in it: each is named by an
// environment variable.
func (s Spec) Document() (string, error) {
	s.Source.Password = sourcePasswordEnv
	if s.Target.User != "" {
		s.Target.Password = targetPasswordEnv
	} else {
		s.Target.Password = ""
	}
	text, err := yaml.MarshalWithOptions(s, yaml.CustomMarshaler(func(name Secret) ([]byte, error) {
		return []byte("{env: " + name.Reveal() + "}"), nil
	}))
	if err != nil {
		return "", fmt.Errorf("writing the task file: %w", err)
	}
	return string(text), nil
}
