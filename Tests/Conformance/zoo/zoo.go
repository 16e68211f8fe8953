// Go: its scheduler's threads and signals, its collector, net/http, statically linked.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
)

func check[Value any](value Value, err error) Value {
	if err != nil {
		panic(err)
	}
	return value
}

func inThreads() (all int64) {
	var lock sync.Mutex
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			runtime.LockOSThread()
			defer group.Done()
			var sum int64
			for i := int64(1); i <= 1_000_000; i++ {
				sum += i
			}
			lock.Lock()
			all += sum
			lock.Unlock()
		}()
	}
	group.Wait()
	return all
}

func overLoopback() string {
	listener := check(net.Listen("tcp", "127.0.0.1:0"))
	defer listener.Close()
	go http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprint(answer, "pong ", request.URL.Path)
	}))
	answer := check(http.Get("http://" + listener.Addr().String() + "/7"))
	defer answer.Body.Close()
	return string(check(io.ReadAll(answer.Body)))
}

func inAFile() int64 {
	check(0, os.WriteFile("/tmp/zoo.part", make([]byte, 1_000_000), 0o600))
	check(0, os.Rename("/tmp/zoo.part", "/tmp/zoo"))
	size := check(os.Stat("/tmp/zoo")).Size()
	check(0, os.Remove("/tmp/zoo"))
	return size
}

var kept []byte

func collects() bool {
	for i := 0; i < 400; i++ {
		kept = make([]byte, 1<<20)
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.NumGC > 1 && stats.HeapAlloc < 100<<20
}

func primes() (count int) {
	var composite [200_000]bool
	for i := 2; i < len(composite); i++ {
		if composite[i] {
			continue
		}
		count++
		for j := i * i; j < len(composite); j += i {
			composite[j] = true
		}
	}
	return count
}

func main() {
	child := exec.Command("/bin/sh", "-c", "echo $((6 * 7)); exit 3")
	said, _ := child.Output() // its status is looked at below
	check(0, json.NewEncoder(os.Stdout).Encode(map[string]any{
		"threads": inThreads(), "child": strings.TrimSpace(string(said)), "status": child.ProcessState.ExitCode(), "http": overLoopback(),
		"file": inAFile(), "collected": collects(), "primes": primes(), "processors": runtime.NumCPU(),
	}))
}
