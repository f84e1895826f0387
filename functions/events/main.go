// Command events takes interactions in, sends the outbox to the broker and
// keeps what could not be delivered.
package main

import (
	"os"

	"github.com/mallhive/product-service/shared/service"
)

type config struct {
	service.Config
	service.EventConfig
}

func main() {
	os.Exit(service.Main("events", "interactions in, outbox out, dead letters", new(config), routes))
}
