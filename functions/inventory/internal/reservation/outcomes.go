package reservation

// Step is a message about an order.
type Step uint8

// The steps. PlacedOtherwise is an order that comes again with other lines.
const (
	Placed Step = iota
	PlacedOtherwise
	Paid
	Cancelled
	Returned
)

// String is the name that replies and movements are told apart by; it must not
// change.
func (s Step) String() string {
	return [...]string{"placed", "placed", "paid", "cancelled", "returned"}[s]
}

// Steps are all of them, for those who check the table.
func Steps() []Step { return []Step{Placed, PlacedOtherwise, Paid, Cancelled, Returned} }

// Standing is where an order stands when a message comes.
type Standing uint8

// The standings. Buried is an order that was cancelled before it was placed.
const (
	StandsNone Standing = iota
	StandsLocked
	StandsCommitted
	StandsReleased
	StandsBuried
	StandsExpired
	StandsRejected
)

func standingOf(s State, tombstone bool) Standing {
	switch s {
	case Locked, PartiallyLocked:
		return StandsLocked
	case Committed:
		return StandsCommitted
	case Expired:
		return StandsExpired
	case Rejected:
		return StandsRejected
	default:
		if tombstone {
			return StandsBuried
		}
		return StandsReleased
	}
}

// Action is what a message does.
type Action uint8

// The actions.
const (
	Lock       Action = iota // take all lines or reject
	RepeatLock               // the reply that the order got when it was placed
	RepeatLast               // the reply that led to the present state
	RejectLate               // reject, because the order was cancelled before it was placed
	Reject                   // reply with a rejection that changes nothing
	Commit                   // sell what is held
	LockCommit               // take all lines again and sell them at once, or reject
	Release                  // free what is held, take back what was sold
	Bury                     // leave a tombstone
	GiveBack                 // take back what was sold and not yet returned
	Conflict                 // 422 for an event, 409 over HTTP
	Wait                     // 503: its order has not arrived
	Never                    // it cannot come
)

// The reasons: of a rejection what its reply says, of a refusal its code.
const (
	orderCancelled = "order_cancelled"
	notLocked      = "not_locked"
	ranOut         = "expired"
	otherLines     = "other_lines"
	notCommitted   = "not_committed"
	notArrived     = "order_not_arrived"
)

// Outcome is one cell of the table.
type Outcome struct {
	Do     Action
	Reason string // of what is not done as asked
}

// OutcomeOf is the table of what each message does in each state: the same
// over HTTP and by event, however often and in whatever order they come.
func OutcomeOf(step Step, standing Standing) Outcome {
	return [...][7]Outcome{
		Placed: {
			StandsNone:      {Do: Lock},
			StandsLocked:    {Do: RepeatLock},
			StandsCommitted: {Do: RepeatLock},
			StandsReleased:  {Do: RepeatLock},
			StandsBuried:    {Do: RejectLate, Reason: orderCancelled},
			StandsExpired:   {Do: RepeatLock},
			StandsRejected:  {Do: RepeatLock},
		},
		PlacedOtherwise: {
			StandsNone:      {Do: Never}, // there is no other yet
			StandsLocked:    {Do: Conflict, Reason: otherLines},
			StandsCommitted: {Do: Conflict, Reason: otherLines},
			StandsReleased:  {Do: Conflict, Reason: otherLines},
			StandsBuried:    {Do: RejectLate, Reason: orderCancelled},
			StandsExpired:   {Do: Conflict, Reason: otherLines},
			StandsRejected:  {Do: Conflict, Reason: otherLines},
		},
		Paid: {
			StandsNone:      {Do: Wait, Reason: notArrived},
			StandsLocked:    {Do: Commit},
			StandsCommitted: {Do: RepeatLast},
			StandsReleased:  {Do: Reject, Reason: notLocked},
			StandsBuried:    {Do: Reject, Reason: notLocked},
			StandsExpired:   {Do: LockCommit, Reason: ranOut},
			StandsRejected:  {Do: Reject, Reason: notLocked},
		},
		Cancelled: {
			StandsNone:      {Do: Bury},
			StandsLocked:    {Do: Release},
			StandsCommitted: {Do: Release},
			StandsReleased:  {Do: RepeatLast},
			StandsBuried:    {Do: RepeatLast},
			StandsExpired:   {Do: Release},
			StandsRejected:  {Do: Release},
		},
		Returned: {
			StandsNone:      {Do: Conflict, Reason: notCommitted},
			StandsLocked:    {Do: Conflict, Reason: notCommitted},
			StandsCommitted: {Do: GiveBack},
			StandsReleased:  {Do: Conflict, Reason: notCommitted},
			StandsBuried:    {Do: Conflict, Reason: notCommitted},
			StandsExpired:   {Do: Conflict, Reason: notCommitted},
			StandsRejected:  {Do: Conflict, Reason: notCommitted},
		},
	}[step][standing]
}
