// Answers with the request's headers, as the environment has them.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	fmt.Print("Content-Type: text/plain\n\n")
	for _, pair := range os.Environ() {
		if strings.HasPrefix(pair, "HTTP_") {
			fmt.Println(pair)
		}
	}
}
