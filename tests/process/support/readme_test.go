package main

import (
	"os"
	"testing"
)

// TestReadme demands that the README shows the table as it is.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := replace(string(readme), markdown())
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	if want != string(readme) {
		t.Error("the table in README.md is not that of the tests; to put it there: go run ./tests/process/support -update README.md")
	}
}
