// Command support prints what the process kernel does about each kind of
// kernel object, in Markdown, from the table of programs that prove it. With
// -update it puts that into the README, between the markers:
//
//	go run ./tests/process/support -update README.md
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("support: ")
	readme := flag.String("update", "", "put the table into this `file`")
	flag.Parse()
	if err := run(*readme); err != nil {
		log.Fatal(err)
	}
}

func run(readme string) error {
	if readme == "" {
		_, err := os.Stdout.WriteString(markdown())
		return err
	}
	old, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	text, err := replace(string(old), markdown())
	if err != nil {
		return err
	}
	return os.WriteFile(readme, []byte(text), 0o644)
}
