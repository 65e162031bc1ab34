//go:build linked

package main

import _ "unsafe"

// The runtime's own way to a variable, around package syscall.
//
//go:linkname gogetenv runtime.gogetenv
func gogetenv(key string) string

func init() {
	lookup = gogetenv
}
