// A greeting by way of net/http/cgi. `GOOS=wasip1 GOARCH=wasm go build -ldflags='-s -w'` makes what
// CGI_GO_GUEST names.
package main

import (
	"io"
	"log"
	"net/http"
	"net/http/cgi"
)

func main() {
	greet := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "Hello, world!\n")
	}
	if err := cgi.Serve(http.HandlerFunc(greet)); err != nil {
		log.Fatal(err)
	}
}
