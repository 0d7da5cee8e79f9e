// Security keys: with an agent that does what the hardware does, held against
// ssh-keygen.

package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"snappipe/format"
)

// uses is what a security key says of a signature, and signs: the flags that follow,
// and how often it has signed.
type uses struct {
	Flags byte
	Count uint32
}

const (
	touched  = 0x01
	verified = 0x04 // by a PIN or a finger
)

// Security keys sign by way of the agent, and ssh-keygen takes that. What is good here
// besides has to have been touched for: else any program of the user's could have had it
// signed. Neither asks for more or less by options in the list: those are for sshd alone.
func TestSecurityKeys(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("SKIPPED: ssh-keygen is not installed")
	}
	dir := t.TempDir()
	token := &token{Agent: agent.NewKeyring(), keys: []*securityKey{newSecurityEd25519(t), newSecurityECDSA(t)}}
	serveAgent(t, dir, token)
	for _, k := range token.keys {
		path := filepath.Join(dir, "sk.pub")
		check(t, os.WriteFile(path, ssh.MarshalAuthorizedKey(k.public), 0o644))
		key, err := OpenKey(path)
		check(t, err)
		for name, c := range map[string]struct {
			signed, said uses
			ours, theirs bool
			worth        string
		}{
			"touched":                  {uses{touched, 7}, uses{touched, 7}, true, true, "of this image"},
			"touched, with a PIN":      {uses{touched | verified, 7}, uses{touched | verified, 7}, true, true, "of this image"},
			"not touched":              {uses{0, 7}, uses{0, 7}, false, true, "one that its security key was not touched for"},
			"not touched, with a PIN":  {uses{verified, 7}, uses{verified, 7}, false, true, "one that its security key was not touched for"},
			"a touch that is made up":  {uses{0, 7}, uses{touched, 7}, false, false, "of another image"},
			"a PIN that is made up":    {uses{touched, 7}, uses{touched | verified, 7}, false, false, "of another image"},
			"a count that was changed": {uses{touched, 7}, uses{touched, 8}, false, false, "of another image"},
		} {
			token.signed, token.said = c.signed, c.said
			if _, err := Sign([]byte(statement), nil, []*Key{key}); (err == nil) != c.ours {
				t.Errorf("%s, %s: to sign: %v", key, name, err)
			}
			made, err := key.make([]byte(statement))
			check(t, err)
			s := Read([]byte(statement), [][]byte{made.Marshal()})
			if got := s[0].Worth(true); got != c.worth {
				t.Errorf("%s, %s: the signature is %s", key, name, got)
			}
			for options, counts := range map[string]bool{"": true, `namespaces="snappipe" `: true, "no-touch-required ": false, "verify-required ": false} {
				path := filepath.Join(dir, "signers")
				check(t, os.WriteFile(path, []byte("alice "+options+string(ssh.MarshalAuthorizedKey(k.public))), 0o644))
				list, err := readSigners(path)
				check(t, err)
				_, err = (&Policy{signers: []*signers{list}}).Check(s)
				if want := c.ours && counts; (err == nil) != want {
					t.Errorf("%s, %s, options %q: %v; want it to be good: %v", key, name, options, err, want)
				}
				err = sshKeygenVerify(dir, path, s[0])
				if want := c.theirs && counts; (err == nil) != want {
					t.Errorf("%s, %s, options %q: ssh-keygen says %v; want it to be good: %v", key, name, options, err, want)
				}
			}
		}
	}
}

// sshKeygenVerify has ssh-keygen check a signature of the statement by alice.
func sshKeygenVerify(dir, signers string, s Signature) error {
	sig := filepath.Join(dir, "sig")
	if err := os.WriteFile(sig, []byte(s.Armored()), 0o600); err != nil {
		return err
	}
	verify := exec.Command("ssh-keygen", "-Y", "verify", "-f", signers, "-I", "alice", "-n", format.Namespace, "-s", sig)
	verify.Stdin = strings.NewReader(statement)
	return verify.Run()
}

// token is an agent with security keys.
type token struct {
	agent.Agent
	keys         []*securityKey
	signed, said uses // what they sign, and what stands in the signature
}

// securityKey is one key of it, with what it does to the digest of what it signs.
type securityKey struct {
	public ssh.PublicKey
	sign   func(message []byte) []byte
}

const application = "ssh:"

func newSecurityEd25519(t *testing.T) *securityKey {
	public, private, err := ed25519.GenerateKey(nil)
	check(t, err)
	return newSecurityKey(t, struct {
		Kind        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, public, application}, func(message []byte) []byte { return ed25519.Sign(private, message) })
}

func newSecurityECDSA(t *testing.T) *securityKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	point, err := private.PublicKey.Bytes()
	check(t, err)
	return newSecurityKey(t, struct {
		Kind, Curve string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKECDSA256, "nistp256", point, application}, func(message []byte) []byte {
		digest := sha256.Sum256(message)
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		check(t, err)
		return ssh.Marshal(struct{ R, S *big.Int }{r, s})
	})
}

func newSecurityKey(t *testing.T, public any, sign func([]byte) []byte) *securityKey {
	key, err := ssh.ParsePublicKey(ssh.Marshal(public))
	check(t, err)
	return &securityKey{key, sign}
}

func (a *token) List() (all []*agent.Key, err error) {
	for _, k := range a.keys {
		all = append(all, &agent.Key{Format: k.public.Type(), Blob: k.public.Marshal()})
	}
	return all, nil
}

// Sign does what the hardware does: PROTOCOL.u2f of OpenSSH.
func (a *token) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	for _, k := range a.keys {
		if same(k.public, key) {
			app, msg := sha256.Sum256([]byte(application)), sha256.Sum256(data)
			blob := k.sign(append(append(app[:], ssh.Marshal(a.signed)...), msg[:]...))
			return &ssh.Signature{Format: k.public.Type(), Blob: blob, Rest: ssh.Marshal(a.said)}, nil
		}
	}
	return nil, errors.New("there is no such key")
}

// serveAgent has SSH_AUTH_SOCK lead to an agent.
func serveAgent(t *testing.T, dir string, a agent.Agent) {
	path := filepath.Join(dir, "agent")
	l, err := net.Listen("unix", path)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	t.Setenv("SSH_AUTH_SOCK", path)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { agent.ServeAgent(a, c); c.Close() }()
		}
	}()
}
