// Any bytes, given to all that reads keys, signatures and lists of them.

package trust

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// FuzzRead gives any bytes as a signature: none of them is good, but those that
// the key has made.
func FuzzRead(f *testing.F) {
	key := ssh.Signer(newSigner(f))
	signed, err := Sign([]byte(statement), nil, []*Key{newKeyOf(f, key)})
	check(f, err)
	f.Add(signed[0])
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, s := range Read([]byte(statement), [][]byte{payload}) {
			_ = s.String() + s.Key() + s.Armored()
			if s.Good && same(s.sig.PublicKey, key.PublicKey()) && !bytes.Equal(payload, signed[0]) {
				t.Errorf("a forged signature is good: %x", payload)
			}
		}
	})
}

// FuzzSigners reads any line: a key is allowed by a line that has it, and by no
// other.
func FuzzSigners(f *testing.F) {
	key := newSigner(f).PublicKey()
	text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	for _, before := range []string{"alice ", `"a b" `, `* namespaces="a,!b",valid-after="20200101Z",cert-authority `} {
		f.Add(before + text)
	}
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseSigner(line)
		if err != nil {
			return
		}
		if who, err := s.allows(key, "", time.Now()); err == nil && (!same(s.key, key) || who != s.principals) {
			t.Errorf("%q allows %q", line, who)
		}
	})
}

// FuzzRevoked reads any list of revoked keys.
func FuzzRevoked(f *testing.F) {
	key := newSigner(f).PublicKey()
	cert := &ssh.Certificate{Key: key, Serial: 7, KeyId: "id", SignatureKey: key}
	f.Add([]byte(krlMagic))
	f.Add(ssh.Marshal(struct {
		Magic              [8]byte
		Version            uint32
		Number, Date, Flag uint64
		Reserved, Comment  []byte
		Kind               byte
		Section            []byte
	}{[8]byte([]byte(krlMagic)), 1, 1, 1, 0, nil, nil, krlCertificates, ssh.Marshal(struct {
		Authority, Reserved []byte
		Kind                byte
		Section             []byte
	}{nil, nil, krlSerialRange, make([]byte, 16)})}))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := parseKRL(b)
		if err == nil {
			k.has(key)
			k.has(cert)
		}
		if l, err := parseKeys(string(b)); err == nil {
			l.has(cert)
		}
	})
}
