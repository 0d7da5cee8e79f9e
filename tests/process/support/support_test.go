// The documents and what their tables are made of are the same.

package main

import "testing"

func TestDocuments(t *testing.T) {
	for _, d := range documents {
		old, updated, err := d.update("../../../kernel/process")
		if err != nil {
			t.Fatal(err)
		}
		if old != updated {
			t.Errorf("the table in kernel/process/%s is not as it is in the code; to put it there: go run ./tests/process/support", d.name)
		}
	}
}
