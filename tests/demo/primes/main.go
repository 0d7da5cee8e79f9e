// Command primes stands in for python3 in the demonstration: it looks for
// primes, remembers all of them, and tells of ten in a second.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	unix.CloseRange(3, math.MaxUint32, 0) // what the shell may have left open
	token := make([]byte, 4)
	rand.Read(token)
	primes := []int{2}
	for n := 3; ; n++ {
		if !isPrime(n, primes) {
			continue
		}
		primes = append(primes, n)
		fmt.Printf("memory %s: prime number %d is %d\n", hex.EncodeToString(token), len(primes), n)
		time.Sleep(100 * time.Millisecond)
	}
}

func isPrime(n int, primes []int) bool {
	for _, p := range primes {
		if n%p == 0 {
			return false
		}
		if p*p > n {
			break
		}
	}
	return true
}
