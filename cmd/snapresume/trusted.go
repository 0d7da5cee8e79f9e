// Images are programs, and who resumes one runs it. Where signatures are asked for,
// by options or by the owner of this machine, all of the image is read and verified
// before anything else is done with it, and then read again.

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/cmd/internal/trust"
	"snappipe/format"
)

var trustFlags = append(trust.Flags("resume"), cli.Flag(trust.NoTrustFlag))

// policy is what is asked of the image's signatures. What the owner of the machine
// asks for is about what would run here, and not about files that are written.
func policy(c *tool.Call) (*trust.Policy, error) {
	if name, _, _ := strings.Cut(c.String("to"), ":"); name == "file" {
		return trust.Chosen(c)
	}
	return trust.ChosenHere(c)
}

// aboutTrust are the names of the options that are.
func aboutTrust() (names []string) {
	for _, f := range trustFlags {
		names = append(names, f.Names()[0])
	}
	return names
}

// meaningless returns an error if one of the options was given that make no sense, and why
// that is.
func meaningless(c *tool.Call, why string, options ...string) error {
	for _, name := range options {
		if c.IsSet(name) {
			return tool.Usage("", "%s: --%s means nothing with it", why, name)
		}
	}
	return nil
}

// verify reads all of the image and returns who has signed it, if that is asked
// for. After that it can be read again.
func verify(ctx context.Context, c *tool.Call, in *input.Stream, p *trust.Policy) (by []string, err error) {
	info, err := in.Info()
	if err != nil {
		return nil, err
	}
	if !c.IsSet("to") && info.Fact(format.FactKernel) == "file" {
		p = p.Own()
	}
	if !p.Asks() {
		return nil, nil
	}
	c.Track(info.Size, in.Progress)
	in.Digest = true
	if err := in.Each(ctx, format.CheckWhole(in.Base), nil); err != nil {
		return nil, err
	}
	if by, err = p.Check(trust.Read(in.Statement(), in.Signatures())); err != nil {
		return nil, err
	}
	for _, who := range by {
		c.Report(who)
	}
	return by, in.Again()
}

// checkFlat refuses a flat image where signatures are asked for: it has none.
func checkFlat(c *tool.Call) error {
	p, err := policy(c)
	if err != nil || !p.Asks() {
		return err
	}
	return trust.Unsigned("a flat image has no signature")
}

// provenance says in a check what there is to say of signatures.
func provenance(said *about.Stream) (all []string) {
	if said.Digest() != "" {
		all = append(all, "digest "+said.Digest())
	}
	signatures := said.Signatures()
	for _, s := range signatures {
		all = append(all, fmt.Sprintf("signature by %v, %s", s, s.Worth(said.Digest() != "")))
	}
	if len(signatures) == 0 {
		all = append(all, "it is not signed")
	}
	return append(all, said.By...)
}
