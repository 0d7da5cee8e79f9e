// The document and the table are the same.

package main

import (
	"os"
	"testing"
)

const document = "../../../kernel/process/SUPPORT.md"

// TestDocument demands that the document shows the table as it is.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want, err := replace(string(text), markdown())
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	if want != string(text) {
		t.Error("the table in kernel/process/SUPPORT.md is not that of the tests; to put it there: go run ./tests/process/support -update kernel/process/SUPPORT.md")
	}
}
