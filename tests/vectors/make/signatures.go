// The digest of an image, and signatures.

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// statement is what there is to sign of s, as SPEC.md has it.
func (s *stream) statement() string {
	pages := pagesOf(s.image)
	facts := sha256.Sum256(sorted(s.facts))
	return fmt.Sprintf("snappipe image\nidentity %016x\nsize %d\nfacts %x\npages %x\n", s.identity, len(s.image), facts, pages)
}

func pagesOf(image []byte) [32]byte {
	const page = 4096
	if len(image) <= page {
		return sha256.Sum256(image)
	}
	left := page
	for 2*left < len(image) {
		left *= 2
	}
	a, b := pagesOf(image[:left]), pagesOf(image[left:])
	return sha256.Sum256(append(a[:], b[:]...))
}

// sorted is facts in the order of their names, without those about the base.
func sorted(facts []byte) []byte {
	var all [][]byte
	for len(facts) > 0 {
		n := 6 + int(binary.LittleEndian.Uint16(facts)) + int(binary.LittleEndian.Uint32(facts[2:]))
		all, facts = append(all, facts[:n]), facts[n:]
	}
	name := func(f []byte) []byte { return f[6:][:binary.LittleEndian.Uint16(f)] }
	all = slices.DeleteFunc(all, func(f []byte) bool { return bytes.HasPrefix(name(f), []byte("base-")) })
	slices.SortFunc(all, func(a, b []byte) int { return bytes.Compare(name(a), name(b)) })
	return bytes.Join(all, nil)
}

// maker signs the vectors: it is no secret.
var maker = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

const keyType = "ssh-ed25519"

// wire is strings as SSH has them: RFC 4251, section 5.
func wire(all ...string) string {
	var b []byte
	for _, s := range all {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return string(b)
}

func publicKey() string { return wire(keyType, string(maker.Public().(ed25519.PublicKey))) }

// signers is an allowed_signers file with the key of the maker.
func signers() []byte {
	return fmt.Appendf(nil, "maker namespaces=\"snappipe\" %s %s\n", keyType, base64.StdEncoding.EncodeToString([]byte(publicKey())))
}

// signature is one of text: PROTOCOL.sshsig of OpenSSH.
func signature(text, namespace string) []byte {
	const preamble, version, hash = "SSHSIG", "\x00\x00\x00\x01", "sha512"
	sum := sha512.Sum512([]byte(text))
	sig := ed25519.Sign(maker, []byte(preamble+wire(namespace, "", hash, string(sum[:]))))
	return []byte(preamble + version + wire(publicKey(), namespace, "", hash, wire(keyType, string(sig))))
}

func (s *stream) sign(payload []byte) { s.other(typeSignature, payload) }

// signatures is streams with signature frames. All of those that are good are
// whole, and some are signed by the maker.
func signatures() []vector {
	signed := func(name, proves string, sign func(s *stream)) vector {
		return vector{"good-" + name, "", proves, func(s *stream) {
			s.summed = true
			s.begin(usualSize)
			s.middle()
			sign(s)
			s.finish()
		}}
	}
	bad := func(name, reason, proves string, h header, payload []byte) vector {
		return vector{"bad-signature-" + name, reason, proves, func(s *stream) {
			s.begin(usualSize)
			s.middle()
			h.Type = typeSignature
			s.put(h, payload)
			s.finish()
		}}
	}
	some := signature("text", "snappipe")
	return []vector{
		signed("signed", "a signature", func(s *stream) { s.sign(signature(s.statement(), "snappipe")) }),
		signed("signed-several", "several signatures, of which one is right", func(s *stream) {
			s.sign(some)
			s.sign(signature(s.statement(), "snappipe"))
			s.sign([]byte("what is no signature at all"))
		}),
		signed("signature-other", "a signature of another image is no reason to refuse the stream", func(s *stream) { s.sign(some) }),
		signed("signature-namespace", "a signature in another namespace", func(s *stream) { s.sign(signature(s.statement(), "file")) }),
		signed("signature-64", "as many signatures as there may be", func(s *stream) {
			for range 64 {
				s.sign(some)
			}
		}),
		{"good-signed-early", "", "a signature before the parts of the image", func(s *stream) {
			whole := newStream()
			whole.usual()
			s.summed = true
			s.begin(usualSize)
			s.sign(signature(whole.statement(), "snappipe"))
			s.middle()
			s.finish()
		}},
		{"good-patch-signed", "", "a signature of an image that is stored as a difference", func(s *stream) {
			base := s.based(600)
			s.patch(0, base[:600], lines(1, 0, 600))
			s.sign(signature(s.statement(), "snappipe"))
			s.finish()
		}},
		{"good-patch-recoded", "", "a base that has another root, and the right digest", func(s *stream) {
			base := baseOf()
			digest := sha256.Sum256([]byte(base.statement()))
			s.summed = true
			s.facts = more(fact{"base-identity", "0123456789abcdef"}, fact{"base-root", strings.Repeat("0a", 32)}, fact{"base-digest", hex.EncodeToString(digest[:])})
			s.begin(600)
			s.patch(0, base.image[:600], lines(1, 0, 600))
			s.finish()
		}},
		{"bad-base-digest-alone", "field", "the digest of a base that is not named", func(s *stream) {
			s.facts = more(fact{"base-digest", strings.Repeat("0a", 32)})
			s.usual()
		}},
		{"bad-base-digest-short", "field", "a digest of a base of 31 bytes", func(s *stream) {
			s.facts = more(fact{"base-identity", "0123456789abcdef"}, fact{"base-root", strings.Repeat("0a", 32)}, fact{"base-digest", strings.Repeat("0a", 31)})
			s.usual()
		}},
		{"bad-base-digest-capitals", "field", "a digest of a base in capitals", func(s *stream) {
			s.facts = more(fact{"base-identity", "0123456789abcdef"}, fact{"base-root", strings.Repeat("0a", 32)}, fact{"base-digest", strings.Repeat("0A", 32)})
			s.usual()
		}},
		bad("flags", "field", "the flags have no use in a signature frame", header{Flags: 1}, some),
		bad("codec", "field", "the field codec has no use in a signature frame", header{Codec: gzip}, some),
		bad("offset", "field", "the field offset has no use in a signature frame", header{Offset: 1}, some),
		bad("length", "field", "the field length has no use in a signature frame", header{Length: 1}, some),
		bad("image-crc", "field", "the field image CRC has no use in a signature frame", header{ImageCRC: 1}, some),
		bad("empty", "field", "a signature of no bytes", header{}, nil),
		bad("long", "field", "a signature of 16 KiB and a byte", header{}, make([]byte, 16<<10+1)),
		{"bad-signature-65", "sequence", "more signatures than there may be", func(s *stream) {
			s.begin(usualSize)
			s.middle()
			for range 65 {
				s.sign(some)
			}
			s.finish()
		}},
		{"bad-signature-resumed", "sequence", "a signature in the stream of a resumed system", func(s *stream) {
			s.resume()
			s.sign(some)
			s.finish()
		}},
	}
}
