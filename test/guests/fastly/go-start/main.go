// Tells what each request has of its own, though the start of the program is done once; and, by
// `-ldflags "-X main.mode=..."`, programs whose start is told, or does, what belongs to a request.
package main

import (
	crand "crypto/rand"
	"fmt"
	"math/rand"
	rand2 "math/rand/v2"
	"os"
	"strings"
	"time"
	"unsafe"
)

//go:wasmimport fastly_abi init
func abiInit(version uint64) uint32

//go:wasmimport fastly_http_req body_downstream_get
func bodyDownstreamGet(request, body unsafe.Pointer) uint32

//go:wasmimport fastly_http_resp new
func responseNew(response unsafe.Pointer) uint32

//go:wasmimport fastly_http_resp send_downstream
func sendDownstream(response, body, streaming uint32) uint32

//go:wasmimport fastly_http_body new
func bodyNew(body unsafe.Pointer) uint32

//go:wasmimport fastly_http_body write
func bodyWrite(body uint32, bytes unsafe.Pointer, length, end uint32, written unsafe.Pointer) uint32

// What the start does beside the rest.
var mode string

var (
	table   = map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8, "i": 9}
	runs    = 0
	trace   = os.Getenv("FASTLY_TRACE_ID")
	prefix  = "[" + trace + "] "
	extra   string
	ticks   = make(chan int, 100)
	primes  = sieve(10_000)
	started = len(primes)
	modes   = map[string]func(){
		"draws":     func() { extra = fmt.Sprint(rand2.Uint64()) },
		"seeds":     func() { extra = fmt.Sprint(rand.New(rand.NewSource(time.Now().UnixNano())).Int63()) },
		"key":       func() { key := make([]byte, 16); crand.Read(key); extra = fmt.Sprintf("%x", key) },
		"derives":   func() { extra = trace[:8] + "-derived" },
		"prints":    func() { fmt.Fprintln(os.Stderr, "printed") },
		"panics":    func() { panic("asked to panic") },
		"exits":     func() { os.Exit(3) },
		"works":     func() { go count(); <-ticks; extra = "worked" },
		"defers":    func() { extra = recovered() },
		"generates": func() { generator = rand2.New(rand2.NewChaCha8([32]byte{1, 2, 3})); generator.Uint64() },
	}
	generator *rand2.Rand
)

func init() {
	abiInit(1)
	if do := modes[mode]; do != nil {
		do()
	}
}

func main() {
	runs++
	table["runs"] = runs
	key := make([]byte, 8)
	crand.Read(key)
	if mode == "defers" {
		defer func() { recover() }()
	}
	local := map[int]bool{}
	for i := range 20 {
		local[i] = true
	}
	order := []string{}
	for i := range local {
		order = append(order, fmt.Sprint(i))
	}
	picks := ""
	one, two := make(chan int, 64), make(chan int, 64)
	for range 64 {
		one <- 1
		two <- 2
	}
	for range 64 {
		select {
		case <-one:
			picks += "1"
		case <-two:
			picks += "2"
		}
	}
	own := ""
	if generator != nil {
		own = fmt.Sprint(generator.Uint64())
	}
	var request, body uint32
	bodyDownstreamGet(unsafe.Pointer(&request), unsafe.Pointer(&body))
	answer(
		"runs", runs,
		"rand", rand.Uint64(),
		"rand2", rand2.Uint64(),
		"key", fmt.Sprintf("%x", key),
		"order", strings.Join(order, " "),
		"picks", picks,
		"year", time.Now().Year(),
		"args", strings.Join(os.Args, " "),
		"trace", os.Getenv("FASTLY_TRACE_ID"),
		"early", trace,
		"prefix", prefix,
		"owner", os.Getenv("OWNERS"),
		"extra", extra,
		"own", own,
		"started", started,
	)
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

func count() {
	for i := range 10 {
		ticks <- i
	}
}

func recovered() (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	var nothing *strings.Builder
	nothing.WriteString("x")
	return "unreached"
}

// Sends pairs of names and values, a line each.
func answer(pairs ...any) {
	var text strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&text, "%v=%v\n", pairs[i], pairs[i+1])
	}
	bytes := []byte(text.String())
	var response, body, written uint32
	responseNew(unsafe.Pointer(&response))
	bodyNew(unsafe.Pointer(&body))
	bodyWrite(body, unsafe.Pointer(&bytes[0]), uint32(len(bytes)), 0, unsafe.Pointer(&written))
	sendDownstream(response, body, 0)
}
