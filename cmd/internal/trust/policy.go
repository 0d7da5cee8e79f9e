// What is asked of an image's signatures, and by whom: the user, by options, and
// the owner of the machine, by files that are in force without one.

package trust

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

// Where the owner of a machine says who may sign what is resumed on it.
const (
	systemSigners = "/etc/snappipe/allowed_signers"
	systemRevoked = "/etc/snappipe/revoked_keys"
)

const (
	trustName   = "trust"
	signerName  = "signer"
	revokedName = "revoked"
	noTrustName = "no-trust"
)

// Flags are the options with which a user asks for signatures.
func Flags(what string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: trustName, TakesFile: true, Usage: what + " only if it is signed by one of those in `FILE`, in the allowed_signers format of ssh-keygen(1)"},
		&cli.StringFlag{Name: signerName, Usage: "with --trust: and by `NAME`, one of the principals there"},
		&cli.StringFlag{Name: revokedName, TakesFile: true, Usage: "with --trust: and by none of the keys in `FILE`, a list of public keys or a revocation list of ssh-keygen -k"},
	}
}

// NoTrustFlag is the option that puts the system's files out of force.
var NoTrustFlag = &cli.BoolFlag{Name: noTrustName, Usage: "for root alone: resume what is not signed, though " + systemSigners + " is there"}

// Policy is what is asked of an image's signatures. Each of the files has to be
// satisfied. Where there is none, nothing is asked for.
type Policy struct {
	signers []*signers
	revoked []revoked
	name    string
	own     *Policy // what the options alone make, or nil where that is all
}

// Asks reports whether anything is asked for.
func (p *Policy) Asks() bool { return len(p.signers) > 0 }

// Own is the policy without the files of the system. It reads nothing again: a file
// that an option names may be a pipe.
func (p *Policy) Own() *Policy {
	if p.own == nil {
		return p
	}
	return p.own
}

// Chosen is the policy that the options make.
func Chosen(c *tool.Call) (*Policy, error) {
	p := &Policy{name: c.String(signerName)}
	if !c.IsSet(trustName) {
		for _, name := range []string{signerName, revokedName} {
			if c.IsSet(name) {
				return nil, tool.Usage("", "--%s means nothing without --%s", name, trustName)
			}
		}
		return p, nil
	}
	revokedPath := ""
	if c.IsSet(revokedName) {
		revokedPath = c.String(revokedName)
	}
	return p, p.add(c, c.String(trustName), revokedPath)
}

// ChosenHere is the policy that the options make together with the files of the
// system, which are for what is resumed as a program or a machine.
func ChosenHere(c *tool.Call) (*Policy, error) {
	p, err := Chosen(c)
	if err != nil {
		return nil, err
	}
	if c.Bool(noTrustName) {
		if !isRoot() {
			return nil, kernel.Refuse("--"+noTrustName, "", "it is for root alone")
		}
		return p, nil
	}
	if absent(systemSigners) {
		return p, nil
	}
	revokedPath := systemRevoked
	if absent(systemRevoked) {
		revokedPath = ""
	} else if err := systemFile(systemRevoked); err != nil {
		return nil, err
	}
	if err := systemFile(systemSigners); err != nil {
		return nil, err
	}
	whole := &Policy{signers: slices.Clone(p.signers), revoked: slices.Clone(p.revoked), name: p.name, own: p}
	return whole, whole.add(c, systemSigners, revokedPath)
}

// absent reports whether there is no such file. One that cannot be looked at is
// there, and so is a link that leads nowhere.
func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}

// isRoot reports whether the caller is root, and not only in a user namespace of
// its own: there, the map is another one than that of the first (user_namespaces(7)).
func isRoot() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	return os.Geteuid() == 0 && (err != nil || strings.Join(strings.Fields(string(ids)), " ") == "0 0 4294967295")
}

func (p *Policy) add(c *tool.Call, path, revokedPath string) error {
	s, err := readSigners(path)
	if err != nil {
		return err
	}
	for _, line := range s.passed {
		c.Warn("passed over: " + line)
	}
	p.signers = append(p.signers, s)
	if revokedPath == "" {
		return nil
	}
	r, err := readRevoked(revokedPath)
	if err != nil {
		return err
	}
	p.revoked = append(p.revoked, r)
	return nil
}

// Check returns by whom the image is signed, one for each file that has been
// asked; or an error where it is not.
func (p *Policy) Check(signatures []Signature) ([]string, error) {
	var by []string
	for _, file := range p.signers {
		who, err := p.check(file, signatures)
		if err != nil {
			return nil, err
		}
		by = append(by, who)
	}
	return by, nil
}

func (p *Policy) check(file *signers, signatures []Signature) (string, error) {
	if len(signatures) == 0 {
		return "", Unsigned("the image is not signed, and " + file.path + " says who has to")
	}
	var why []string
	for _, s := range signatures {
		who, err := p.judge(file, s)
		if err == nil {
			return fmt.Sprintf("signed by %s, %v (%s)", who, s, file.path), nil
		}
		why = append(why, fmt.Sprintf("%v: %v", s, err))
	}
	return "", Unsigned("the image is not signed by one of those in " + file.path + " (" + strings.Join(why, "; ") + ")")
}

// judge returns who has made a signature, if that is somebody who may.
func (p *Policy) judge(file *signers, s Signature) (string, error) {
	if !s.Good {
		return "", errors.New("the signature is " + s.Worth(true))
	}
	for _, r := range p.revoked {
		if r.has(s.sig.PublicKey) {
			return "", errors.New("the key is revoked")
		}
	}
	return file.allows(s.sig.PublicKey, p.name, time.Now())
}

// Unsigned is the error of an image without the signatures that are asked for.
func Unsigned(reason string) error {
	return &tool.UntrustedError{Reason: reason, Advice: "snapverify --sign KEY signs an image"}
}
