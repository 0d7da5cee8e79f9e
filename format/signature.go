// What is signed is a statement of what the image is, and not the stream: so an
// image that is coded anew keeps the signatures that it has. Whose they are, and
// what they are worth, is not this package's business.

package format

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minio/sha256-simd"
)

// Namespace is that of signatures: they are of a statement, and of nothing else
// that the key may sign elsewhere.
const Namespace = "snappipe"

const (
	maxSignature  = 16 << 10
	maxSignatures = 64
)

var errSignatures = fmt.Errorf("%w: there is no image to sign, or there are more than %d signatures", ErrSequence, maxSignatures)

// Statement is the text that says which image it is, by its identity, size, facts
// and bytes, however the stream holds them: what signatures are of. It is nil
// before the end of the stream has been read, where the digest of the image was
// not asked for by r.Digest, and where parts were not decoded.
func (r *Reader) Statement() []byte {
	if !r.ended || r.pages == nil || r.pages.unknown {
		return nil
	}
	info := r.order.info
	return fmt.Appendf(nil, "snappipe image\nidentity %016x\nsize %d\nfacts %x\npages %x\n",
		info.ID, info.Size, sumFacts(info.Facts), r.pages.sum())
}

// ImageDigest is the digest of the image that a statement is about.
func ImageDigest(statement []byte) []byte {
	sum := sha256.Sum256(statement)
	return sum[:]
}

// Signatures are the payloads of the signature frames that [Reader.Each] has met.
// Nothing has been checked of what they say.
func (r *Reader) Signatures() [][]byte { return r.signatures }

// sumFacts is the digest of what facts say of the image, and not of how it is
// stored.
func sumFacts(facts Facts) sum {
	facts = slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return strings.HasPrefix(f.Name, "base-") })
	slices.SortFunc(facts, func(a, b Fact) int { return cmp.Compare(a.Name, b.Name) })
	return sha256.Sum256(appendFacts(nil, facts))
}

// gather keeps what there is to know of a frame that comes in order.
func (r *Reader) gather(f *Frame) {
	if f.Type == TypeSignature {
		r.signatures = append(r.signatures, slices.Clone(f.Payload()))
	}
	if r.pages != nil {
		r.pages.add(f)
	}
}

// unsigned passes on all frames but signatures.
func unsigned(write func(*Frame) error) func(*Frame) error {
	return func(f *Frame) error {
		if f.Type == TypeSignature {
			return nil
		}
		return write(f)
	}
}

var errUndecoded = errors.New("the image was not decoded, so that it cannot be signed")

// sign writes the signatures that the image is to have.
func (e *Editor) sign(out *Writer, r *Reader) error {
	statement := r.Statement()
	if statement == nil {
		return errUndecoded
	}
	signatures, err := e.Sign(statement, r.Signatures())
	if err != nil {
		return err
	}
	var f Frame
	for _, s := range signatures {
		if err := f.SetAncillary(TypeSignature, s); err != nil {
			return err
		}
		if err := out.Write(&f); err != nil {
			return err
		}
	}
	return nil
}
