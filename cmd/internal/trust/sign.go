// Making signatures.

package trust

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel"
)

// Sign returns the signatures that an image is to have: those it has already, and
// one by each of the keys, however often that is named. Those it has have to be of it: who has changed an image
// is not to have that covered up by a new signature.
func Sign(statement []byte, old [][]byte, keys []*Key) ([][]byte, error) {
	for _, s := range Read(statement, old) {
		if !s.Good {
			return nil, &tool.UntrustedError{Reason: fmt.Sprintf("it has a signature by %v, which is %s: what may have been changed is not signed", s, s.Worth(true))}
		}
	}
	all := slices.DeleteFunc(slices.Clone(old), func(payload []byte) bool {
		s, err := sshsig.ParseSignature(payload)
		return err == nil && slices.ContainsFunc(keys, func(k *Key) bool { return same(k.public, s.PublicKey) })
	})
	for i, k := range keys {
		if slices.ContainsFunc(keys[:i], func(other *Key) bool { return same(other.public, k.public) }) {
			continue // named twice, in two ways perhaps
		}
		s, err := k.sign(statement)
		if err != nil {
			return nil, fmt.Errorf("sign with %v: %w", k, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// sign makes a signature, which has to be good for those who are to believe it: a
// security key can be one that nobody has to touch.
func (k *Key) sign(statement []byte) ([]byte, error) {
	s, err := k.make(statement)
	if err != nil {
		return nil, err
	}
	if made := judged(statement, s); !made.Good {
		return nil, kernel.Refuse("the signature", "use a key that asks for a touch, or one in a file", "it is %s, which counts for nothing", made.Worth(true))
	}
	return s.Marshal(), nil
}

// make signs with the key itself. A certificate only stands beside the signature, in
// the place of the key.
func (k *Key) make(statement []byte) (*sshsig.Signature, error) {
	s, err := sshsig.Sign(bytes.NewReader(statement), bare{k.signer}, sshsig.HashSHA512, format.Namespace)
	if err == nil {
		s.PublicKey = k.public
	}
	return s, err
}

// bare is a signer that says nothing of a certificate, so that RSA is done with
// SHA-512 there, too.
type bare struct{ ssh.AlgorithmSigner }

func (b bare) PublicKey() ssh.PublicKey { return plain(b.AlgorithmSigner.PublicKey()) }
