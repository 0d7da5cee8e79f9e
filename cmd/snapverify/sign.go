// Signing: --sign. What is signed has been decoded here, and is the image: a
// stream that is coded anew keeps its signatures.

package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/input"
	"snappipe/cmd/internal/tool"
	"snappipe/cmd/internal/trust"
	"snappipe/format"
)

var signFlag = &cli.StringSliceFlag{Name: "sign", TakesFile: true, Usage: "sign the image with the key in `FILE`: a private key of ssh-keygen(1), or a public one whose private half ssh-agent(1) has; may be given several times"}

func sign(ctx context.Context, c *tool.Call) error {
	var bases *input.Bases
	err := filter.Run(ctx, c, func() (_ *format.Editor, err error) {
		keys, err := openKeys(c)
		if err != nil {
			return nil, err
		}
		if bases, err = input.OpenBases(ctx, c, false); err != nil {
			return nil, err
		}
		return signer(ctx, keys, bases), nil
	})
	if bases != nil {
		err = errors.Join(err, bases.Close())
	}
	return err
}

func openKeys(c *tool.Call) ([]*trust.Key, error) {
	var keys []*trust.Key
	for _, path := range c.StringSlice(signFlag.Name) {
		key, err := trust.OpenKey(path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// signer is the filter that signs, and adds checksums.
func signer(ctx context.Context, keys []*trust.Key, bases *input.Bases) *format.Editor {
	var base *format.Base
	return &format.Editor{
		Sum: true,
		Info: func(info *format.Info) (err error) {
			base, err = bases.For(ctx, info)
			return err
		},
		Work: func() format.Work { return format.CheckWhole(base)() },
		Sign: func(statement []byte, old [][]byte) ([][]byte, error) { return trust.Sign(statement, old, keys) },
	}
}
