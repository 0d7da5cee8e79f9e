// Command support prints what the process kernel does about each kind of
// kernel object, in Markdown, from the table of programs that prove it. With
// -update it puts that into a document, between the markers:
//
//	go run ./tests/process/support -update kernel/process/SUPPORT.md
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("support: ")
	document := flag.String("update", "", "put the table into this `file`")
	flag.Parse()
	if err := run(*document); err != nil {
		log.Fatal(err)
	}
}

func run(document string) error {
	if document == "" {
		_, err := os.Stdout.WriteString(markdown())
		return err
	}
	old, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	text, err := replace(string(old), markdown())
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(text), 0o644)
}
