package main

import (
	"strconv"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

// change lets a write pass that names the version of what exists.
func change(e web.Expectation) func(*int64) error {
	return func(current *int64) error {
		if current == nil {
			return fault.Missing("there is nothing to change")
		}
		return e.Change(*current)
	}
}

// put lets a PUT pass that changes the version it names, or creates what it
// says does not exist.
func put(ifMatch, ifNoneMatch string) func(*int64) error {
	e := web.Expect(ifMatch, ifNoneMatch)
	return func(current *int64) error {
		switch {
		case current != nil:
			return e.Change(*current)
		case ifNoneMatch != "*":
			return fault.Missing("there is nothing with this name; If-None-Match: * creates it")
		}
		return e.Create()
	}
}

// create lets a write pass when nothing is there.
func create(what string) func(*int64) error {
	return func(current *int64) error {
		if current != nil {
			return fault.Clash("duplicate", "there is such a %s already", what)
		}
		return nil
	}
}

func itoa(i int) string { return strconv.Itoa(i) }
