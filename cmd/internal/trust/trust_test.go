// Signatures and those who make them, held against ssh-keygen.

package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const statement = "snappipe image\nidentity 0123456789abcdef\n"

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		name, list string
		want       bool
	}{
		{"", "", true}, {"a", "", false}, {"", "*", true}, {"abc", "abc", true}, {"abc", "ab", false},
		{"abc", "a*c", true}, {"abc", "a?c", true}, {"ac", "a?c", false}, {"abcbc", "a*bc", true},
		{"abcbd", "a*bc", false}, {"alice@work", "bob,alice@*", true}, {"alice@work", "alice@*,!*@work", false},
		{"alice@home", "alice@*,!*@work", true}, {"alice", "!bob", false}, {"abc", "***c", true},
		{strings.Repeat("a", 200) + "b", strings.Repeat("a*", 100) + "c", false},
	} {
		if got := listed(c.name, c.list); got != c.want {
			t.Errorf("%q in %q: %v", c.name, c.list, got)
		}
	}
}

// What a line says, and which are none.
func TestSignerLines(t *testing.T) {
	key := newSigner(t).PublicKey()
	text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	for line, want := range map[string]string{
		"alice KEY":                                           "alice",
		"alice,b?b\tKEY comment with words":                   "alice,b?b",
		`"alice and bob" KEY`:                                 "alice and bob",
		`al"ice and bob" KEY`:                                 "alice and bob",
		`alice namespaces="a,b" KEY`:                          "alice a,b",
		`alice namespaces="a\"b",valid-after="20200102Z" KEY`: `alice a"b after 2020-01-02T00:00:00Z`,
		`alice Valid-Before="20200102030405Z" KEY`:            "alice before 2020-01-02T03:04:05Z",
		`alice valid-before="202002302359Utc" KEY`:            "alice before 2020-03-01T23:59:00Z",
		`alice ,,namespaces="a" KEY`:                          "alice a",
		`alice cert-authority KEY`:                            "alice authority",
		"alice":                                               "",
		"KEY":                                                 "",
		`"alice KEY`:                                          "",
		"alice ssh-ed25519 AAAA":                              "",
		"alice namespaces=a KEY":                              "",
		`alice namespaces="" KEY`:                             "",
		`alice namespaces="a",namespaces="b" KEY`:             "",
		`alice valid-after="yesterday" KEY`:                   "",
		`alice valid-after="20210101",valid-before="20200101" KEY`: "",
		`alice namespaces="a", KEY`:                                "",
		`alice valid-after="19700101Z" KEY`:                        "",
		`alice valid-after="20200132" KEY`:                         "",
		`alice valid-after="2020010124" KEY`:                       "",
		`alice cert-authority="yes" KEY`:                           "",
		"alice no-touch-required KEY":                              "",
		"!alice KEY":                                               "",
		`"" KEY`:                                                   "",
	} {
		s, err := parseSigner(strings.ReplaceAll(line, "KEY", text))
		got := ""
		if err == nil {
			got = said(s)
		}
		if got != want {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
		if err == nil && !same(s.key, key) {
			t.Errorf("%s: another key", line)
		}
	}
}

func said(s signer) string {
	said := s.principals
	if s.authority {
		said += " authority"
	}
	if s.namespaces != "" {
		said += " " + s.namespaces
	}
	if !s.after.IsZero() {
		said += " after " + s.after.Format(time.RFC3339)
	}
	if !s.before.IsZero() {
		said += " before " + s.before.Format(time.RFC3339)
	}
	return said
}

// A signature of another namespace, of another text, or made with an algorithm
// that proves nothing, is not good.
func TestGood(t *testing.T) {
	rsa := keyOf(t, sshKeygen(t, t.TempDir(), "rsa"))
	cert := &ssh.Certificate{Key: rsa.public, CertType: ssh.UserCert, ValidPrincipals: []string{"alice"}, ValidBefore: ssh.CertTimeInfinity}
	check(t, cert.SignCert(rand.Reader, newSigner(t)))
	for name, k := range map[string]*Key{"rsa": rsa, "certificate": {rsa.signer, cert}, "ed25519": newKeyOf(t, newSigner(t))} {
		signed, err := Sign([]byte(statement), nil, []*Key{k})
		check(t, err)
		if s := Read([]byte(statement), signed); len(s) != 1 || !s[0].Good {
			t.Errorf("%s: the signature is not good", name)
		}
		for what, s := range map[string][]Signature{"another text": Read([]byte(statement+"x"), signed), "no text": Read(nil, signed)} {
			if len(s) != 1 || s[0].Good {
				t.Errorf("%s: the signature is good for %s", name, what)
			}
		}
		s := Read([]byte(statement), signed)[0].sig
		s.Namespace = "file"
		if again := Read([]byte(statement), [][]byte{s.Marshal()}); again[0].Good {
			t.Errorf("%s: a signature for another namespace is good", name)
		}
	}
	weak := &Key{sha1Signer{rsa.signer}, cert}
	made, err := weak.make([]byte(statement))
	check(t, err)
	if Read([]byte(statement), [][]byte{made.Marshal()})[0].Good {
		t.Error("a signature with SHA-1 is good")
	}
	if _, err := Sign([]byte(statement), nil, []*Key{weak}); err == nil {
		t.Error("a signature with SHA-1 is made")
	}
}

// sha1Signer signs as nobody should any more.
type sha1Signer struct{ ssh.AlgorithmSigner }

func (s sha1Signer) SignWithAlgorithm(r io.Reader, data []byte, _ string) (*ssh.Signature, error) {
	return s.AlgorithmSigner.SignWithAlgorithm(r, data, ssh.KeyAlgoRSA)
}

// Revocation lists of ssh-keygen mean what it says they do, for each way to revoke.
func TestRevocationLists(t *testing.T) {
	dir := t.TempDir()
	ca, other := sshKeygen(t, dir, "ed25519"), sshKeygen(t, dir, "ecdsa")
	var certs []string
	for i, serial := range []uint64{0, 1, 5, 40, 41, 43, 1 << 40, 1<<64 - 1} {
		path := sshKeygen(t, dir, "ed25519")
		command(t, "ssh-keygen", "-q", "-s", ca, "-I", fmt.Sprintf("id%d", i), "-n", "alice", "-z", fmt.Sprint(serial), path+".pub")
		certs = append(certs, path+"-cert.pub", path+".pub")
	}
	for i, spec := range []string{
		"serial: 1\nserial: 40\nserial: 41\nserial: 43", "serial: 2-100", "serial: 5\nserial: 1099511627776\nserial: 18446744073709551615",
		"serial: 40-43\nserial: 47\nserial: 49\nserial: 50", "id: id1\nid: id3", "serial: 18446744073709551600-18446744073709551615", "",
	} {
		from, list := filepath.Join(dir, fmt.Sprint("spec", i)), filepath.Join(dir, fmt.Sprint("krl", i))
		check(t, os.WriteFile(from, []byte(spec+"\n"), 0o600))
		for _, authority := range []string{ca + ".pub", other + ".pub", "none"} {
			if authority == "none" && strings.HasPrefix(spec, "serial") {
				continue // ssh-keygen asks for an authority there
			}
			command(t, "ssh-keygen", "-q", "-k", "-f", list, "-s", authority, from)
			compare(t, list, certs)
		}
	}
	for _, how := range []string{"", "sha1: ", "sha256: ", "key: "} {
		list, from := filepath.Join(dir, "krl"), filepath.Join(dir, "spec")
		public, err := os.ReadFile(certs[1])
		check(t, err)
		check(t, os.WriteFile(from, []byte(how+string(public)), 0o600))
		if how == "" {
			from = ca + ".pub"
		}
		command(t, "ssh-keygen", "-q", "-k", "-f", list, from)
		compare(t, list, certs)
	}
}

// compare holds what a list is taken for here against what ssh-keygen takes it for.
func compare(t *testing.T, list string, paths []string) {
	t.Helper()
	r, err := readRevoked(list)
	check(t, err)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		check(t, err)
		key, _, _, _, err := ssh.ParseAuthorizedKey(b)
		check(t, err)
		want := exec.Command("ssh-keygen", "-Q", "-f", list, path).Run() != nil
		if got := r.has(key); got != want {
			t.Errorf("%s: %s: revoked %v, for ssh-keygen %v", list, path, got, want)
		}
	}
}

// A list that is cut off, or has what is not known here, is no list.
func TestRevocationListDamaged(t *testing.T) {
	dir := t.TempDir()
	ca := sshKeygen(t, dir, "ed25519")
	spec, list := filepath.Join(dir, "spec"), filepath.Join(dir, "krl")
	check(t, os.WriteFile(spec, []byte("serial: 3\nid: x\n"), 0o600))
	command(t, "ssh-keygen", "-q", "-k", "-f", list, "-s", ca+".pub", spec)
	b, err := os.ReadFile(list)
	check(t, err)
	_, err = parseKRL(b)
	check(t, err)
	const head = 8 + 4 + 3*8 + 4 + 4
	for n := head + 1; n < len(b); n++ {
		if _, err := parseKRL(b[:n]); err == nil {
			t.Errorf("cut off after %d of %d bytes it is a list", n, len(b))
		}
	}
	if _, err := parseKRL(append(b[:len(b):len(b)], 77, 0, 0, 0, 0)); err == nil {
		t.Error("with a section that is not known it is a list")
	}
}

func newSigner(t testing.TB) ssh.Signer {
	_, private, err := ed25519.GenerateKey(nil)
	check(t, err)
	s, err := ssh.NewSignerFromKey(private)
	check(t, err)
	return s
}

func newKeyOf(t testing.TB, s ssh.Signer) *Key {
	k, err := newKey(s, s.PublicKey())
	check(t, err)
	return k
}

func keyOf(t *testing.T, path string) *Key {
	k, err := OpenKey(path)
	check(t, err)
	return k
}

// sshKeygen makes a key, and returns where the private half is.
func sshKeygen(t *testing.T, dir, kind string) string {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	f, err := os.CreateTemp(dir, kind)
	check(t, err)
	check(t, f.Close())
	check(t, os.Remove(f.Name()))
	command(t, "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", f.Name())
	return f.Name()
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
