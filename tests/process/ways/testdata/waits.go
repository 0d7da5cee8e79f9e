// Waits in two goroutines; the file that its argument names says when it does.
package main

import (
	"os"
	"os/signal"
)

var (
	marker  = "what a debugger finds"
	squares = map[int]int{}
)

func waitHere(c chan os.Signal) { <-c }

func main() {
	for i := range 1000 {
		squares[i] = i * i
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt) // or it would be a deadlock
	go waitHere(c)
	if err := os.WriteFile(os.Args[1], []byte(marker), 0o644); err != nil {
		os.Exit(1)
	}
	waitHere(c)
}
