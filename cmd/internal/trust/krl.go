// The binary key revocation list of OpenSSH: PROTOCOL.krl. What is not known in
// one makes all of it useless: it may be just what revokes a key.

package trust

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"math/big"

	"golang.org/x/crypto/ssh"
)

const krlMagic = "SSHKRL\n\x00"

// Kinds of sections, and of sections within that of certificates.
const (
	krlCertificates = 1
	krlKeys         = 2
	krlSHA1         = 3
	krlSignature    = 4
	krlSHA256       = 5
	krlExtension    = 255

	krlSerials     = 0x20
	krlSerialRange = 0x21
	krlSerialBits  = 0x22
	krlKeyIDs      = 0x23
	krlCertExt     = 0x39
)

var errKRL = errors.New("the key revocation list makes no sense, or is newer than this program")

// krl is what a list revokes: keys by what they are or by a digest of that, and
// certificates by the authority that made them.
type krl struct {
	keys  map[string]bool // a key, or its SHA-1 or SHA-256
	certs []krlCerts
}

// krlCerts is certificates of one authority, or with "" of all.
type krlCerts struct {
	authority string
	ids       map[string]bool
	ranges    [][2]uint64
	bits      []krlBits
}

type krlBits struct {
	first uint64
	set   *big.Int
}

func parseKRL(b []byte) (*krl, error) {
	var head struct {
		Magic              [8]byte
		Version            uint32
		Number, Date, Flag uint64
		Reserved, Comment  []byte
		Rest               []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(b, &head) != nil || head.Version != 1 {
		return nil, errKRL
	}
	k := &krl{keys: map[string]bool{}}
	for rest := head.Rest; len(rest) > 0; {
		kind, data, behind, err := cutSection(rest)
		if err != nil {
			return nil, err
		}
		if kind == krlSignature {
			break // signatures come last, and say nothing without a key to check them by
		}
		if err := k.section(kind, data); err != nil {
			return nil, err
		}
		rest = behind
	}
	return k, nil
}

// cutSection takes the section that b begins with.
func cutSection(b []byte) (kind byte, data, rest []byte, err error) {
	var s struct {
		Kind byte
		Data []byte
		Rest []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(b, &s) != nil {
		return 0, nil, nil, errKRL
	}
	return s.Kind, s.Data, s.Rest, nil
}

func (k *krl) section(kind byte, data []byte) error {
	switch kind {
	case krlCertificates:
		return k.certificates(data)
	case krlKeys, krlSHA1, krlSHA256:
		return addStrings(k.keys, data)
	case krlExtension:
		return extension(data)
	}
	return errKRL
}

// addStrings adds the strings of which data consists.
func addStrings(all map[string]bool, data []byte) error {
	for len(data) > 0 {
		var s struct {
			Value string
			Rest  []byte `ssh:"rest"`
		}
		if ssh.Unmarshal(data, &s) != nil {
			return errKRL
		}
		all[s.Value], data = true, s.Rest
	}
	return nil
}

// extension passes over what may be passed over.
func extension(data []byte) error {
	var e struct {
		Name     string
		Critical bool
		Contents []byte
	}
	if ssh.Unmarshal(data, &e) != nil || e.Critical {
		return errKRL
	}
	return nil
}

func (k *krl) certificates(data []byte) error {
	var head struct {
		Authority string
		Reserved  []byte
		Rest      []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(data, &head) != nil {
		return errKRL
	}
	c := krlCerts{authority: head.Authority, ids: map[string]bool{}}
	for rest := head.Rest; len(rest) > 0; {
		kind, data, behind, err := cutSection(rest)
		if err == nil {
			err = c.section(kind, data)
		}
		if err != nil {
			return err
		}
		rest = behind
	}
	k.certs = append(k.certs, c)
	return nil
}

func (c *krlCerts) section(kind byte, data []byte) error {
	switch kind {
	case krlSerials:
		return c.serials(data)
	case krlSerialRange:
		var r struct{ First, Last uint64 }
		if ssh.Unmarshal(data, &r) != nil {
			return errKRL
		}
		c.ranges = append(c.ranges, [2]uint64{r.First, r.Last})
		return nil
	case krlSerialBits:
		var b struct {
			First uint64
			Set   *big.Int
		}
		if ssh.Unmarshal(data, &b) != nil || b.Set.Sign() < 0 {
			return errKRL
		}
		c.bits = append(c.bits, krlBits{b.First, b.Set})
		return nil
	case krlKeyIDs:
		return addStrings(c.ids, data)
	case krlCertExt:
		return extension(data)
	}
	return errKRL
}

func (c *krlCerts) serials(data []byte) error {
	for len(data) > 0 {
		var s struct {
			Serial uint64
			Rest   []byte `ssh:"rest"`
		}
		if ssh.Unmarshal(data, &s) != nil {
			return errKRL
		}
		c.ranges = append(c.ranges, [2]uint64{s.Serial, s.Serial})
		data = s.Rest
	}
	return nil
}

// has: a certificate is revoked for itself, for its key, or for the key of its
// authority.
func (k *krl) has(key ssh.PublicKey) bool {
	cert, isCert := key.(*ssh.Certificate)
	if !isCert {
		return k.hasKey(key)
	}
	if k.hasKey(cert.Key) || k.hasKey(cert.SignatureKey) {
		return true
	}
	authority := string(cert.SignatureKey.Marshal())
	for _, c := range k.certs {
		if (c.authority == "" || c.authority == authority) && c.has(cert) {
			return true
		}
	}
	return false
}

func (k *krl) hasKey(key ssh.PublicKey) bool {
	blob := key.Marshal()
	old, sum := sha1.Sum(blob), sha256.Sum256(blob)
	return k.keys[string(blob)] || k.keys[string(old[:])] || k.keys[string(sum[:])]
}

// has: a serial number of 0 is that of certificates that have none.
func (c *krlCerts) has(cert *ssh.Certificate) bool {
	if c.ids[cert.KeyId] {
		return true
	}
	if cert.Serial == 0 {
		return false
	}
	for _, r := range c.ranges {
		if r[0] <= cert.Serial && cert.Serial <= r[1] {
			return true
		}
	}
	for _, b := range c.bits {
		if at := cert.Serial - b.first; cert.Serial >= b.first && at < uint64(b.set.BitLen()) && b.set.Bit(int(at)) == 1 {
			return true
		}
	}
	return false
}
