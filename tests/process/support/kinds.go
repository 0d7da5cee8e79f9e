// The kinds of open files as kernel/process/IMAGE.md lists them: from the comments in
// package object, where each kind stands in a file of its own.

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// inImage begins the paragraph of a kind's comment that goes into the document.
const inImage = "In the image: "

// kinds makes the table of them, from the directory kernel/process.
func kinds(process string) (string, error) {
	words, err := constants(filepath.Join(process, "world", "files.go"))
	if err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(process, "object", "*.go"))
	if err != nil {
		return "", err
	}
	rows := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return "", err
		}
		for constant, paragraph := range paragraphs(parsed) {
			if paragraph == "" {
				return "", fmt.Errorf("%s: the comment of world.%s lacks what begins with %q", file, constant, inImage)
			}
			rows[words[constant]] = paragraph
		}
	}
	var b strings.Builder
	b.WriteString("| `Kind` | further members |\n|---|---|\n")
	for _, word := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", word, rows[word])
	}
	return b.String(), nil
}

// paragraphs finds the variables that are kinds, and returns of each what the image has, by
// the constant that is its name.
func paragraphs(file *ast.File) map[string]string {
	all := map[string]string{}
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR {
			continue
		}
		for _, s := range decl.Specs {
			if spec := s.(*ast.ValueSpec); len(spec.Values) == 1 {
				if constant := kindConstant(spec.Values[0]); constant != "" {
					all[constant] = paragraph(cmp.Or(spec.Doc, decl.Doc).Text())
				}
			}
		}
	}
	return all
}

// kindConstant returns the X of &kind{name: world.X, ...}.
func kindConstant(value ast.Expr) string {
	address, ok := value.(*ast.UnaryExpr)
	if !ok {
		return ""
	}
	literal, ok := address.X.(*ast.CompositeLit)
	if !ok {
		return ""
	}
	if typ, ok := literal.Type.(*ast.Ident); !ok || typ.Name != "kind" {
		return ""
	}
	for _, e := range literal.Elts {
		member := e.(*ast.KeyValueExpr)
		if name, ok := member.Value.(*ast.SelectorExpr); ok && member.Key.(*ast.Ident).Name == "name" {
			return name.Sel.Name
		}
	}
	return ""
}

func paragraph(comment string) string {
	_, text, _ := strings.Cut("\n"+comment, "\n"+inImage)
	text, _, _ = strings.Cut(text, "\n\n")
	return strings.Join(strings.Fields(text), " ")
}

// constants are those of a file that are strings.
func constants(file string) (map[string]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == 1 && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
				all[spec.Names[0].Name], err = strconv.Unquote(value.Value)
			}
		}
		return err == nil
	})
	return all, err
}
