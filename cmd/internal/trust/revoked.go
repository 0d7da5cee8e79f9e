// Keys that count no more: a list of them, or a key revocation list of ssh-keygen -k.

package trust

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// revoked tells of a key whether it is revoked.
type revoked interface{ has(key ssh.PublicKey) bool }

func readRevoked(path string) (revoked, error) {
	b, err := readTrusted(path)
	if err != nil {
		return nil, err
	}
	var r revoked
	if bytes.HasPrefix(b, []byte(krlMagic)) {
		r, err = parseKRL(b)
	} else {
		r, err = parseKeys(string(b))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// keyList is keys, one to a line. A certificate is revoked with its key, or with
// that of its authority.
type keyList []ssh.PublicKey

// parseKeys reads all lines: who lists a key that is not understood here wants it
// to count no more, and should know that it does.
func parseKeys(text string) (keyList, error) {
	var all keyList
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: there is no key that is known here", i+1)
		}
		all = append(all, key)
	}
	return all, nil
}

func (l keyList) has(key ssh.PublicKey) bool {
	for _, listed := range l {
		if same(plain(listed), plain(key)) {
			return true
		}
		if cert, ok := key.(*ssh.Certificate); ok && same(plain(listed), cert.SignatureKey) {
			return true
		}
	}
	return false
}
