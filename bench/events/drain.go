package main

import (
	"context"
	"fmt"
)

// measureDrain fills the outbox and lets it be drained.
func measureDrain(ctx context.Context, w *world) error {
	function, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer function.Stop()
	fmt.Printf("memory at rest: %d MiB\n", function.Resident()>>20)
	return nil
}
