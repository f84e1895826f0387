package history

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// ErrNotLinear means that no order of one after the other explains what callers
// were told.
var ErrNotLinear = errors.New("the history is not linearizable")

// ErrUndecided means that the time did not suffice to find out.
var ErrUndecided = errors.New("the history was not decided in time")

// checkWithin bounds the search; a history that takes as long is too long.
const checkWithin = 20 * time.Second

// History is what callers asked of one shelf and what they were told.
type History struct {
	opening amounts
	events  []porcupine.Operation
	// Answers is how many redeliveries were compared with the first reply.
	Answers int
	// Silent is how many requests were never answered.
	Silent int
}

// Len is how many operations it has.
func (h *History) Len() int { return len(h.events) }

// never is the time of an answer that did not come.
const never = math.MaxInt64

// Check finds an order in which one caller after the other would have been told
// the same, each thing done at one moment between question and answer.
func (h *History) Check() error { return h.check(checkWithin) }

func (h *History) check(within time.Duration) error {
	switch porcupine.CheckOperationsTimeout(model(h.opening), h.events, within) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("%w: %d operations", ErrUndecided, h.Len())
	default:
		return fmt.Errorf("%w: %d operations, on hand at first %v", ErrNotLinear, h.Len(), h.opening)
	}
}
