// Package interaction takes what visitors did with products (view, click,
// save) and hands each on as one CloudEvent. Items are judged alone: a bad one
// is rejected with a reason and the others go on.
package interaction

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mallhive/product-service/shared/event"
)

// Interaction is one interaction as a browser sends it.
type Interaction struct {
	ID         string     `json:"id,omitempty" doc:"The caller's id; a repeat with the same id is recognisable. One is given when it is missing" maxLength:"64"`
	Type       string     `json:"type" enum:"view,click,save"`
	ProductID  string     `json:"product_id,omitempty" doc:"This or sku is required" maxLength:"64"`
	SKU        string     `json:"sku,omitempty" maxLength:"64"`
	SessionID  string     `json:"session_id,omitempty" doc:"Removed when consent is not given" maxLength:"128"`
	UserID     string     `json:"user_id,omitempty" doc:"Removed when consent is not given" maxLength:"128"`
	OccurredAt *time.Time `json:"occurred_at,omitempty" doc:"Now when missing. A time more than 24 hours off is corrected to now and kept as claimed_at"`
	Page       string     `json:"page,omitempty" maxLength:"2048"`
	Referrer   string     `json:"referrer,omitempty" maxLength:"2048"`
	List       string     `json:"list,omitempty" doc:"The list that the product stood in" maxLength:"256"`
	Position   *int64     `json:"position,omitempty" doc:"Its place in that list" minimum:"0"`
	Query      string     `json:"query,omitempty" doc:"What was searched for" maxLength:"512"`
	Consent    bool       `json:"consent,omitempty" doc:"Whether the visitor agreed to be recognised; missing is no"`
}

// Rejection is why the item at an index was not taken.
type Rejection struct {
	Index  int    `json:"index" doc:"Place in the request, from 0"`
	Reason string `json:"reason"`
}

// Taken is the answer to a request.
type Taken struct {
	Accepted int         `json:"accepted"`
	Rejected []Rejection `json:"rejected"`

	Stored    int   `json:"-"` // of the accepted: they wait in the outbox
	Unchecked error `json:"-"` // why nobody could say which products are known
}

// MaxItems is how many interactions one request may hold.
const MaxItems = 500

// clockSkew is how far off a caller's clock may be.
const clockSkew = 24 * time.Hour

// decode reads one item strictly: a misspelt field is a fault, not silence.
func decode(raw json.RawMessage) (Interaction, error) {
	var item Interaction
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(&item)
	var typ *json.UnmarshalTypeError
	var when *time.ParseError
	switch {
	case err == nil && item.OccurredAt != nil && item.OccurredAt.UTC().Year() > 9999:
		return Interaction{}, errors.New("occurred_at: not an RFC 3339 time")
	case err == nil && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")):
		return item, nil
	case err == nil:
		return Interaction{}, errors.New("not an object")
	case errors.As(err, &typ) && typ.Field != "":
		return Interaction{}, fmt.Errorf("%s: not a %s", typ.Field, typ.Type)
	case errors.As(err, &typ):
		return Interaction{}, errors.New("not an object")
	case errors.As(err, &when):
		return Interaction{}, errors.New("occurred_at: not an RFC 3339 time")
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return Interaction{}, fmt.Errorf("unknown field %.64s", strings.TrimPrefix(err.Error(), "json: unknown field "))
	default:
		return Interaction{}, errors.New("not valid JSON")
	}
}

// eventTypes is what an item's type becomes.
func eventTypes() map[string]string {
	return map[string]string{"view": event.InteractionViewed, "click": event.InteractionClicked, "save": event.InteractionSaved}
}

// judge says what is wrong with an item, all of it in one line.
func (i Interaction) judge(code *regexp.Regexp) error {
	var wrong []string
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if _, ok := eventTypes()[i.Type]; !ok {
		add("type: one of view, click, save")
	}
	if i.ProductID == "" && i.SKU == "" {
		add("product_id or sku is required")
	}
	for name, value := range map[string]string{"product_id": i.ProductID, "sku": i.SKU} {
		if value != "" && !code.MatchString(value) {
			add("%s: 1 to 64 characters of A-Za-z0-9._~-", name)
		}
	}
	texts := []struct {
		name, value string
		most        int
	}{
		{"id", i.ID, 64},
		{"session_id", i.SessionID, 128},
		{"user_id", i.UserID, 128},
		{"page", i.Page, 2048},
		{"referrer", i.Referrer, 2048},
		{"list", i.List, 256},
		{"query", i.Query, 512},
	}
	for _, t := range texts {
		if utf8.RuneCountInString(t.value) > t.most {
			add("%s: at most %d characters", t.name, t.most)
		} else if strings.ContainsFunc(t.value, unicode.IsControl) {
			add("%s: control characters", t.name)
		}
	}
	if strings.TrimSpace(i.ID) != i.ID {
		add("id: no space around it")
	}
	if i.Position != nil && *i.Position < 0 {
		add("position: not negative")
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// data is the item as its event carries it. Without consent nothing says who
// it was.
func (i Interaction) data(now time.Time) event.InteractionData {
	d := event.InteractionData{
		SKU: i.SKU, Consent: i.Consent, OccurredAt: now, ReceivedAt: now,
		Page: i.Page, Referrer: i.Referrer, List: i.List, Position: i.Position, Query: i.Query,
	}
	if i.ProductID != "" {
		d.ProductID = &i.ProductID
	}
	if i.Consent {
		d.SessionID, d.UserID = i.SessionID, i.UserID
	}
	if i.OccurredAt != nil {
		claimed := i.OccurredAt.UTC().Truncate(time.Microsecond) // as the outbox keeps it
		if off := claimed.Sub(now); off < -clockSkew || off > clockSkew {
			d.ClaimedAt = &claimed
		} else {
			d.OccurredAt = claimed
		}
	}
	return d
}
