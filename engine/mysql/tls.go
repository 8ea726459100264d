package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"sluice/engine/task"
)

// tlsConfig gives nil where TLS is off.
func tlsConfig(spec task.TLS, host string) (*tls.Config, error) {
	switch spec.Mode {
	case "", "off":
		return nil, nil
	case "require":
		return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, nil
	case "ca", "full":
	default:
		return nil, &task.Error{Code: "source.tls_mode", Text: fmt.Sprintf("TLS mode %q of the source is not known", spec.Mode), Hint: "Use off, require, ca or full."}
	}
	roots, err := rootsFrom(spec)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}
	if spec.Mode == "ca" {
		// The chain is checked, the host's name is not: the certificates that MySQL makes for itself carry none.
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, roots) }
	}
	return config, nil
}

// rootsFrom reads the authorities that are given; nil, the system's, without any.
func rootsFrom(spec task.TLS) (*x509.CertPool, error) {
	pem, err := []byte(spec.CA), error(nil)
	switch {
	case spec.CAFile != "":
		pem, err = os.ReadFile(spec.CAFile)
	case spec.CA == "":
		return nil, nil
	}
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		return nil, &task.Error{Code: "source.tls_ca_file", Text: "the CA file of the source holds no certificate that can be read", Hint: "Give the path of a PEM file with the certificate of the authority that signed the server's.", Err: err}
	}
	return roots, nil
}

// traceTLS tells when a handshake is over.
func traceTLS(config *tls.Config, told func()) {
	if config == nil || told == nil {
		return
	}
	verify := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if verify != nil {
			if err := verify(state); err != nil {
				return err
			}
		}
		told()
		return nil
	}
}

func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	return nil
}
