// Waits in two goroutines; the file that its argument names says when it does.
package main

import "os"

var (
	marker  = "what a debugger finds"
	squares = map[int]int{}
)

func waitHere(c chan int) { <-c }

func main() {
	for i := range 1000 {
		squares[i] = i * i
	}
	c := make(chan int)
	go waitHere(c)
	if err := os.WriteFile(os.Args[1], []byte(marker), 0o644); err != nil {
		os.Exit(1)
	}
	waitHere(c)
}
