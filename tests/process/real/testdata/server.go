// A server that counts its requests, with a garbage collector that has work.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"sync/atomic"
)

func main() {
	var requests atomic.Int64
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		garbage := make([][]byte, 100)
		for i := range garbage {
			garbage[i] = make([]byte, 1000+i)
		}
		fmt.Fprint(w, requests.Add(1))
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
