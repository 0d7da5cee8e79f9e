// Command support writes the tables of documents that are made from code: what the process
// kernel does about each kind of kernel object, from the programs that prove it, and what
// an image has of each kind of open file, from the comments of package object.
//
//	go run ./tests/process/support
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("support: ")
	if err := run("kernel/process"); err != nil {
		log.Fatal(err)
	}
}

func run(directory string) error {
	for _, d := range documents {
		old, updated, err := d.update(directory)
		if err == nil && updated != old {
			err = os.WriteFile(filepath.Join(directory, d.name), []byte(updated), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// document has a table that is made from code.
type document struct {
	name   string // in the directory of the process kernel
	marker string // of the lines between which the table stands
	table  func(directory string) (string, error)
}

var documents = []document{
	{"SUPPORT.md", "process-support", func(string) (string, error) { return support(), nil }},
	{"IMAGE.md", "kinds", kinds},
}

// update returns the text of the document as it is and as it is to be.
func (d document) update(directory string) (old, updated string, err error) {
	text, err := os.ReadFile(filepath.Join(directory, d.name))
	if err != nil {
		return "", "", err
	}
	table, err := d.table(directory)
	if err != nil {
		return "", "", err
	}
	begin, end := "<!-- "+d.marker+" begin -->", "<!-- "+d.marker+" end -->"
	head, rest, ok := strings.Cut(string(text), begin+"\n")
	_, tail, found := strings.Cut(rest, end)
	if !ok || !found {
		return "", "", fmt.Errorf("%s: there are no lines %s and %s", d.name, begin, end)
	}
	return string(text), head + begin + "\n" + table + end + tail, nil
}
