// The key that signs: in a file, or with an agent.

package trust

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

// Key is what somebody signs with: a private key, and what others know it by,
// which may be a certificate.
type Key struct {
	signer ssh.AlgorithmSigner
	public ssh.PublicKey
}

// String names it.
func (k *Key) String() string { return nameOf(k.public) }

// OpenKey opens the private key in the file at path; or, if that has a public key
// or a certificate, the private key to it, which the agent has, or a file of the
// same name without the end.
func OpenKey(path string) (*Key, error) {
	f, err := readKeys(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(f.text), []byte("-----BEGIN ")) {
		signer, err := f.private()
		if err != nil {
			return nil, err
		}
		return newKey(signer, signer.PublicKey())
	}
	public, _, options, _, err := ssh.ParseAuthorizedKey(f.text)
	if err != nil || options != nil {
		return nil, tool.Usage("ssh-keygen -t ed25519 makes one", "%s: this is no key of OpenSSH's", path)
	}
	signer, err := fromAgent(public)
	if err != nil {
		signer, err = beside(path, err)
	}
	if err != nil {
		return nil, err
	}
	if !same(plain(signer.PublicKey()), plain(public)) {
		return nil, tool.Usage("", "%s: the private key beside it is another", path)
	}
	return newKey(signer, public)
}

func newKey(signer ssh.Signer, public ssh.PublicKey) (*Key, error) {
	able, ok := signer.(ssh.AlgorithmSigner)
	if !ok || plain(public).Type() == dsa {
		return nil, kernel.Refuse("the key "+nameOf(public), "ssh-keygen -t ed25519 makes another", "keys of this kind do not sign images")
	}
	return &Key{able, public}, nil
}

// private reads a private key.
func (f *keyFile) private() (ssh.Signer, error) {
	if err := f.secret(); err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(f.text)
	advice := fmt.Sprintf("ssh-add %s, and then --sign %[1]s.pub", f.path)
	switch {
	case errors.As(err, new(*ssh.PassphraseMissingError)):
		return nil, kernel.Refuse(f.path, advice, "it has a passphrase, which is not asked for in a pipeline")
	case err != nil:
		return nil, kernel.Refuse(f.path, "if it is that of a security key: "+advice, "%v", err)
	}
	return signer, nil
}

// beside looks for the private key where ssh-keygen puts it.
func beside(path string, notWithAgent error) (ssh.Signer, error) {
	name, ok := strings.CutSuffix(path, ".pub")
	if !ok {
		return nil, notWithAgent
	}
	f, err := readKeys(strings.TrimSuffix(name, "-cert"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, notWithAgent
	}
	if err != nil {
		return nil, err
	}
	return f.private()
}

// fromAgent asks the agent for a key. The connection stays open for as long as
// this program runs, if it has it.
func fromAgent(public ssh.PublicKey) (ssh.Signer, error) {
	const name = "SSH_AUTH_SOCK"
	path := os.Getenv(name)
	if path == "" {
		return nil, kernel.Refuse("the key "+nameOf(public), "eval $(ssh-agent); ssh-add", "its private half is with no agent, since %s is not set", name)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, fmt.Errorf("ask the agent for a key: %w", err)
	}
	all, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask the agent for a key: %w", err), conn.Close())
	}
	for _, signer := range all {
		if same(plain(signer.PublicKey()), plain(public)) {
			return signer, nil
		}
	}
	return nil, errors.Join(kernel.Refuse("the key "+nameOf(public), "ssh-add", "the agent has no such key"), conn.Close())
}
