// Tells what each request has of its own, though the start of the program is done once; and, by
// `-ldflags "-X main.mode=..."`, programs that look in their start at what belongs to a request.
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path"
	"runtime"
	"sort"
	"strings"
	"time"
)

var mode string
var lookup = os.Getenv

var (
	runs      = 0
	nobodys   = os.Getenv("NOBODYS")
	_, hasAny = os.LookupEnv("NOBODYS_EITHER")
	early     = looks()
	primes    = sieve(20_000)
)

func looks() string {
	switch mode {
	case "header":
		return os.Getenv("HTTP_COOKIE") + os.Getenv("OWNERS")
	case "sets":
		os.Setenv("OF_THE_START", "set")
		return os.Getenv("OF_THE_START") + os.Getenv("HTTP_COOKIE")
	case "arguments":
		return arguments()
	case "draws":
		return fmt.Sprint(rand.Uint64())
	case "named":
		return named()
	case "asks":
		found := 0
		for i := range 3_000 {
			if _, is := os.LookupEnv(fmt.Sprint("NOBODYS_", i)); is {
				found++
			}
		}
		return fmt.Sprint(found, " ", rand.Uint64())
	}
	return ""
}

// By itself: a start ends where a function is called that names os.Args.
//
//go:noinline
func arguments() string {
	return strings.Join(os.Args, " ")
}

// Of package flag's copy; by itself for the same reason.
//
//go:noinline
func named() string {
	name := flag.CommandLine.Name()
	return fmt.Sprint(path.Base(name), " ", len(name), strings.HasSuffix(name, "o"))
}

func main() {
	runs++
	fmt.Print("Content-Type: text/plain\n\n")
	before := os.Environ()
	if os.Getenv("QUERY_STRING") == "panic" {
		panic("asked to panic")
	}
	litter()
	runtime.GC()
	os.Setenv("ADDED", "added")
	os.Setenv("REQUEST_METHOD", "changed")
	os.Unsetenv("SERVER_NAME")
	litter()
	runtime.GC()
	one, other := append(os.Args, "one"), append(os.Args, "other")
	say("runs", runs)
	say("nobodys", nobodys, hasAny)
	say("early", early)
	say("looked", lookup("HTTP_COOKIE"))
	say("args", len(os.Args), strings.Join(os.Args, " "))
	say("appended", one[len(one)-1], other[len(other)-1])
	say("flags", flag.CommandLine.Name())
	say("method", os.Getenv("REQUEST_METHOD"))
	say("server", os.Getenv("SERVER_NAME"))
	say("added", os.Getenv("ADDED"))
	say("rand", rand.Uint64())
	say("year", time.Now().Year())
	say("primes", len(primes))
	for i, text := range before {
		if text == "" {
			say("empty", i)
		}
	}
	sort.Strings(before)
	for _, text := range before {
		say("env", text)
	}
	os.Clearenv()
	say("cleared", len(os.Environ()))
}

func say(name string, values ...any) {
	fmt.Println(name + "=" + strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
}

// Garbage of many sizes, so that the collector runs more than once.
func litter() {
	kept := [][]byte{}
	for i := range 4_000 {
		kept = append(kept, make([]byte, 16+i))
		if len(kept) > 100 {
			kept = nil
		}
	}
}

func sieve(below int) []int {
	found := []int{}
	composite := make([]bool, below)
	for i := 2; i < below; i++ {
		if composite[i] {
			continue
		}
		found = append(found, i)
		for j := i * i; j < below; j += i {
			composite[j] = true
		}
	}
	return found
}
