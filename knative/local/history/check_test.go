package history

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// told is one question with its answer, between two times.
func told(call, ret int64, in input, out output) porcupine.Operation {
	return porcupine.Operation{Input: in, Output: out, Call: call, Return: ret}
}

func ordered(n int, quantity int32) input {
	return input{What: place, Order: n, Lines: amounts{quantity}}
}

func stock(onHand, available int32) output {
	return output{Kind: stands, OnHand: amounts{onHand}, Available: amounts{available}}
}

// of is a history that begins with five on hand.
func of(events ...porcupine.Operation) *History {
	return &History{opening: amounts{5}, events: events}
}

func TestWhatOneClerkCouldHaveToldIsTaken(t *testing.T) {
	t.Parallel()
	paid := input{What: pay, Order: 1, Lines: amounts{3}}
	require.NoError(t, of(
		told(0, 10, ordered(0, 3), output{Kind: rejected, Free: amounts{2}}), // decided after the next
		told(0, 10, ordered(1, 3), output{Kind: locked, Free: amounts{5}}),
		told(11, 12, paid, output{Kind: committed, Committed: 3}),
		told(11, 15, paid, output{Kind: committed, Committed: 3}),
		told(13, 14, input{What: look}, stock(2, 2)),
		told(20, 21, ordered(1, 3), output{Kind: locked, Free: amounts{5}}),
	).Check())
	came := input{What: adjust, Lines: amounts{2}}
	require.NoError(t, of(
		told(0, 1, ordered(0, 3), output{Kind: locked, Free: amounts{5}}),
		told(2, 3, came, stock(7, 4)),
		told(4, 5, input{What: move, Lines: amounts{2}}, stock(7, 4)),
		told(6, 7, input{What: move, Lines: amounts{2}}, output{Kind: conflicts}),
		told(8, 9, input{What: expire, Lines: amounts{3}}, output{Kind: ranOut}),
		told(10, 11, came, stock(7, 4)), // its answer is remembered
		told(12, 13, input{What: look}, stock(7, 7)),
		told(14, 15, ordered(1, 1), output{Kind: locked, Free: amounts{4}}), // nobody looked for more
		told(16, 17, ordered(2, 6), output{Kind: locked, Free: amounts{6}}),
		told(18, 19, input{What: pay, Lines: amounts{3}}, output{Kind: rejected}),
	).Check())
}

func TestAHistoryThatNoClerkCouldTellIsRefused(t *testing.T) {
	t.Parallel()
	full := output{Kind: locked, Free: amounts{5}}
	for name, h := range map[string]*History{
		"an oversell":            of(told(0, 10, ordered(0, 3), full), told(0, 10, ordered(1, 3), full)),
		"a number that was over": of(told(0, 1, ordered(0, 3), full), told(2, 3, ordered(1, 1), full)),
		"a refusal without need": of(told(0, 10, ordered(0, 3), output{Kind: rejected, Free: amounts{5}})),
		"a stale reader":         of(told(0, 1, ordered(0, 3), full), told(2, 3, input{What: look}, stock(5, 5))),
		"another answer to the same": of(told(0, 1, ordered(0, 3), full),
			told(2, 3, ordered(0, 3), output{Kind: rejected, Free: amounts{2}})),
		"stock that a cancel did not free": of(told(0, 1, ordered(0, 3), full),
			told(2, 3, input{What: cancel, Order: 0, Lines: amounts{3}, Message: 2}, output{Kind: released}),
			told(4, 5, ordered(1, 4), output{Kind: rejected, Free: amounts{2}})),
		"an order that was locked after its cancel": of(
			told(0, 1, input{What: cancel, Order: 0, Lines: amounts{3}, Message: 2}, output{Kind: released}), told(2, 3, ordered(0, 3), full)),
		"an adjustment that was made twice": of(told(0, 1, input{What: adjust, Lines: amounts{2}}, stock(7, 7)),
			told(2, 3, input{What: adjust, Lines: amounts{2}}, stock(9, 9))),
		"more gone than there was": of(told(0, 1, input{What: adjust, Lines: amounts{-6}}, stock(0, 0))),
		"what is on its way and nowhere": of(told(0, 10, input{What: move, Lines: amounts{2}}, stock(5, 5)),
			told(0, 10, input{What: look}, stock(3, 3))),
		"stock that a late order kept": of(told(0, 1, ordered(0, 3), full),
			told(2, 3, input{What: expire, Lines: amounts{3}}, output{Kind: ranOut}), told(4, 5, input{What: look}, stock(5, 2))),
		"a late payment for what others have": of(told(0, 1, ordered(0, 3), full),
			told(2, 3, input{What: expire, Lines: amounts{3}}, output{Kind: ranOut}), told(4, 5, ordered(1, 4), full),
			told(6, 7, input{What: pay, Lines: amounts{3}}, output{Kind: committed, Committed: 3})),
	} {
		require.ErrorIs(t, h.Check(), ErrNotLinear, name)
	}
}

func TestWhatWasNotAnsweredMayHaveHappenedLaterOrNever(t *testing.T) {
	t.Parallel()
	silent := told(0, never, input{What: count, Lines: amounts{9}}, output{})
	for _, onHand := range []int32{5, 9} {
		require.NoError(t, of(silent, told(2, 3, input{What: look}, stock(onHand, onHand))).Check())
	}
	require.ErrorIs(t, of(silent, told(2, 3, input{What: look}, stock(7, 7))).Check(), ErrNotLinear)
}

func TestAHistoryThatIsNotDecidedInTimeDoesNotPass(t *testing.T) {
	t.Parallel()
	// Any of the counts may have happened in any order, and none explains it.
	var events []porcupine.Operation
	for n := range int32(30) {
		events = append(events, told(0, never, input{What: count, Lines: amounts{10 + n}}, output{}))
	}
	events = append(events, told(0, 1, input{What: look}, stock(1, 1)))
	require.ErrorIs(t, of(events...).check(10*time.Millisecond), ErrUndecided)
}
