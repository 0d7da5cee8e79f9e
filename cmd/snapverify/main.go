// Snapverify adds SHA-256 checksums to a stream, or checks those it has.
package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/docs"
	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/cmd/internal/trust"
	"snappipe/format"
)

func main() {
	t := tool.Tool{
		Name:    "snapverify",
		Summary: "add checksums to a snapshot stream, and check them",
		Args:    "[IMG]",
		MaxArgs: 1,
		About: []string{
			"Reads a stream from the file IMG or from standard input and writes it to standard output with SHA-256 checksums. A stream that has them is checked and passed on byte for byte. It is the last stage of a pipeline that makes an image: when any stage before it fails, snapverify sees that its stream has no end, and exits with status 3.",
			"With --check nothing is written but what the image is, in words, after every part of it has been decoded. Then the stream must have SHA-256 checksums. With --digests-only as well, it is these alone that are checked: that tells whether the stream is what was written, and not whether it can be decoded.",
			"With --sign the image is decoded as well, and signed: not the stream, but what it is the image of, so that it stays signed when snapcompress codes it anew. Signatures are those of ssh-keygen -Y sign, of what --check --json calls the statement, in the namespace \"snappipe\". A stream that has signatures keeps them, and gets further ones. Keys are of ed25519, ECDSA or RSA, or in a security key by way of ssh-agent(1), which has those with a passphrase too; and may have a certificate. A security key has to be touched for it. A file with a private key that others than its owner can read is refused.",
			"With --check --trust, an image is only taken if somebody has signed it who is listed, for the namespace \"snappipe\" and for today, in a file of allowed signers (ssh-keygen(1)). All else is exit status 3.",
			"Output to a block device is flushed before snapverify exits.",
		},
		Examples: []docs.Example{
			{Command: "snapcat file:core | snapcompress | snapverify > img", What: "Make a compressed image with checksums."},
			{Command: "snapverify --check < img", What: "Check an image, and say what it is."},
			{Command: "snapverify --check --json img | jq -r .stream.root", What: "Check an image, and print the root of its checksums."},
			{Command: "snapcat process:1234 | snapcompress | snapverify --sign ~/.ssh/id_ed25519.pub > img", What: "Make a signed image, with the key that ssh-agent has."},
			{Command: "snapverify --check --trust allowed_signers img", What: "Check an image, and who has signed it."},
			{Command: "snapverify --check --json img > about; jq -j .image.statement about > statement; jq -j '.signatures[0].armored' about > sig; ssh-keygen -Y verify -f allowed_signers -I alice -n snappipe -s sig < statement", What: "Check by hand whether alice has signed it."},
			{Command: "ssh host cat img | snapverify -o img", What: "Fetch an image. The file appears only if all of it has come undamaged."},
		},
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "check", Aliases: []string{"c"}, Usage: "only check, and say what the image is"},
			digestsOnly, listFlag, about.JSONFlag,
			input.BaseFlag("with --check or --sign: take `IMG` for what the image is stored as the difference to"),
			signFlag,
		}, trust.Flags("with --check: take the image"), output.Flags("replace FILE if it is there already")),
		Run: run,
	}
	t.Main()
}

func run(ctx context.Context, c *tool.Call) error {
	checks := c.Bool("check") || c.Bool(listFlag.Name)
	if c.IsSet(signFlag.Name) && checks {
		return tool.Usage("", "--check and --list write no stream, so that --sign means nothing with them")
	}
	if checks {
		return check(ctx, c)
	}
	if c.Bool(digestsOnly.Name) {
		return tool.Usage("", "--digests-only means nothing without --check")
	}
	if c.Bool(about.JSONFlag.Name) {
		return tool.Usage("", "--json means nothing without --check")
	}
	for _, name := range []string{"trust", "signer", "revoked"} {
		if c.IsSet(name) {
			return tool.Usage("", "--%s means nothing without --check", name)
		}
	}
	if c.IsSet(signFlag.Name) {
		return sign(ctx, c)
	}
	if c.IsSet("base") {
		return tool.Usage("", "--base means nothing without --check or --sign")
	}
	return filter.Run(ctx, c, func() (*format.Editor, error) { return &format.Editor{Sum: true}, nil })
}
