package reservation

import "strings"

// Standings are all of them, for those who check the table.
func Standings() []Standing {
	return []Standing{
		StandsNone, StandsLocked, StandsCommitted, StandsReleased, StandsBuried, StandsExpired, StandsRejected,
	}
}

// Table is the table of outcomes for people, in Markdown: the README has all of
// it, the description of each operation the rows of its steps.
func Table(steps ...Step) string {
	var b strings.Builder
	b.WriteString("| ")
	for _, at := range Standings() {
		b.WriteString(" | " + at.words())
	}
	b.WriteString(" |\n|" + strings.Repeat(" --- |", len(Standings())+1) + "\n")
	for _, step := range steps {
		b.WriteString("| " + step.words())
		for _, at := range Standings() {
			b.WriteString(" | " + OutcomeOf(step, at).words())
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

func (s Step) words() string {
	return [...]string{
		Placed:          "placed",
		PlacedOtherwise: "placed, other lines",
		Paid:            "paid (commit)",
		Cancelled:       "cancelled (release)",
		Returned:        "returned (return)",
	}[s]
}

func (s Standing) words() string {
	return [...]string{
		StandsNone:      "none",
		StandsLocked:    "locked",
		StandsCommitted: "committed",
		StandsReleased:  "released",
		StandsBuried:    "cancelled before it came",
		StandsExpired:   "expired",
		StandsRejected:  "rejected",
	}[s]
}

func (o Outcome) words() string {
	return [...]string{
		Lock:       "`locked` or `rejected`",
		RepeatLock: "its first reply",
		RepeatLast: "the reply that led here",
		RejectLate: "`rejected` (`" + o.Reason + "`)",
		Reject:     "`rejected` (`" + o.Reason + "`)",
		Commit:     "`committed`",
		LockCommit: "locked and `committed` at once, else `rejected` (`" + o.Reason + "`)",
		Release:    "`released`",
		Bury:       "`released`: a tombstone",
		GiveBack:   "`returned`: what was sold and is not back yet",
		Conflict:   "refused (`" + o.Reason + "`)",
		Wait:       "503 (`" + o.Reason + "`)",
		Never:      "–",
	}[o.Do]
}
