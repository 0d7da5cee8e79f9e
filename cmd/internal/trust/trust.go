// Package trust is about signatures: it makes them with a key of the user's, and
// finds out whether those that an image has are by somebody who may sign images
// here.
//
// The signatures, the keys, and the files that say who may sign are those of
// OpenSSH, and mean what they mean there: ssh-keygen(1) can make, check and revoke
// all of them.
package trust

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"snappipe/format"
)

// Signature is one that an image has.
type Signature struct {
	sig *sshsig.Signature
	// Good: whoever has the key has signed this very image.
	Good bool
}

// Read reads the signatures that a stream has. Those that are of another kind are
// passed over. Where the statement is nil, none of them is good.
func Read(statement []byte, payloads [][]byte) []Signature {
	var all []Signature
	for _, p := range payloads {
		s, err := sshsig.ParseSignature(p)
		if err != nil {
			continue
		}
		all = append(all, judged(statement, s))
	}
	return all
}

func judged(statement []byte, s *sshsig.Signature) Signature {
	return Signature{s, statement != nil && !weak(s.Signature.Format) &&
		sshsig.Verify(bytes.NewReader(statement), s, s.PublicKey, s.HashAlgorithm, format.Namespace) == nil}
}

// Worth says what it proves, compared being whether it could be compared with an
// image.
func (s Signature) Worth(compared bool) string {
	switch {
	case s.Good:
		return "of this image"
	case weak(s.sig.Signature.Format):
		return "by an algorithm that proves nothing"
	case s.untouched():
		return "one that its security key was not touched for"
	case compared:
		return "of another image"
	}
	return "not compared with the image, which was not decoded"
}

// untouched reports whether a security key made it without its user being there: the
// library does not take that as good, since any program can have it done.
func (s Signature) untouched() bool {
	const touched = 1 // in the flags: PROTOCOL.u2f of OpenSSH
	rest := s.sig.Signature.Rest
	return strings.HasPrefix(s.sig.Signature.Format, "sk-") && len(rest) > 0 && rest[0]&touched == 0
}

// dsa is a kind of key that the library no longer has a name for.
const dsa = "ssh-dss"

// weak reports whether signatures of an algorithm prove nothing: those of RSA with
// SHA-1, and of DSA. OpenSSH's format excludes them for keys (PROTOCOL.sshsig), and
// so they are for certificates here.
func weak(algorithm string) bool {
	return algorithm == ssh.KeyAlgoRSA || algorithm == dsa
}

// Key is the public key, or the certificate, as a line of an authorized_keys file.
func (s Signature) Key() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.sig.PublicKey)))
}

// Armored is the signature as ssh-keygen -Y verify takes it.
func (s Signature) Armored() string { return string(sshsig.Armor(s.sig)) }

// String names the key as ssh-keygen -l does.
func (s Signature) String() string { return nameOf(s.sig.PublicKey) }

// nameOf names a key by its kind and fingerprint. For a certificate that is the
// fingerprint of the key that is certified, as with ssh-keygen.
func nameOf(key ssh.PublicKey) string {
	kind := key.Type()
	if cert, ok := key.(*ssh.Certificate); ok {
		kind, key = kind+" "+fmt.Sprintf("%q", cert.KeyId), cert.Key
	}
	return kind + " " + ssh.FingerprintSHA256(key)
}

// same reports whether two keys are the same, certificates included.
func same(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// plain is the key without a certificate around it.
func plain(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}
