// An HTTP server on the address that it is given. /twice?of=PATH asks itself for PATH, as a client, and
// /parallel?n=N lets N goroutines add up under a lock, each with memory of its own.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func main() {
	address := os.Args[1]
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s\n", r.URL.Path)
	})
	http.HandleFunc("/twice", func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Get("http://" + address + r.URL.Query().Get("of"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer answer.Body.Close()
		io.WriteString(w, "twice ")
		io.Copy(w, answer.Body)
	})
	http.HandleFunc("/parallel", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		var group sync.WaitGroup
		var lock sync.Mutex
		sum := 0
		for i := 0; i < n; i++ {
			group.Add(1)
			go func(i int) {
				defer group.Done()
				own := make([]int, 10000)
				for j := range own {
					own[j] = i
				}
				lock.Lock()
				defer lock.Unlock()
				sum += own[len(own)-1]
			}(i)
		}
		group.Wait()
		fmt.Fprintf(w, "sum %d\n", sum)
	})
	panic(http.ListenAndServe(address, nil))
}
