// Package interaction takes what visitors did with products (view, click,
// save) and hands each on as one CloudEvent. Items are judged alone: a bad one
// is rejected with a reason and the others go on.
package interaction

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mallhive/product-service/shared/event"
)

// Interaction is one interaction as a browser sends it.
type Interaction struct {
	ID         string     `json:"id,omitempty" doc:"The caller's id, unlike all others, such as crypto.randomUUID() makes: a repeat with the same id is recognisable. One is given when it is missing" maxLength:"64"`
	Type       string     `json:"type" enum:"view,click,save"`
	ProductID  string     `json:"product_id,omitempty" doc:"This or sku is required" maxLength:"64"`
	SKU        string     `json:"sku,omitempty" maxLength:"64"`
	SessionID  string     `json:"session_id,omitempty" doc:"Removed when consent is not given" maxLength:"128"`
	UserID     string     `json:"user_id,omitempty" doc:"Removed when consent is not given" maxLength:"128"`
	OccurredAt *time.Time `json:"occurred_at,omitempty" doc:"Now when missing. A time more than 24 hours off is corrected to now and kept as claimed_at"`
	Page       string     `json:"page,omitempty" doc:"Its address; without consent what follows ? or # is removed" maxLength:"2048"`
	Referrer   string     `json:"referrer,omitempty" doc:"The address of the page before; without consent what follows ? or # is removed" maxLength:"2048"`
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

	Stored int `json:"-"` // of the accepted: they wait in the outbox
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
	case err == nil && !item.timely():
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

// timely says whether the time can be written again, in UTC.
func (i *Interaction) timely() bool {
	if i.OccurredAt == nil {
		return true
	}
	year := i.OccurredAt.UTC().Year()
	return year >= 0 && year <= 9999
}

// eventType is what an item's type becomes; empty for a type that there is not.
func eventType(word string) string {
	switch word {
	case "view":
		return event.InteractionViewed
	case "click":
		return event.InteractionClicked
	case "save":
		return event.InteractionSaved
	default:
		return ""
	}
}

// judge says what is wrong with an item, all of it in one line.
func (i *Interaction) judge() error {
	var wrong []string
	add := func(what string) { wrong = append(wrong, what) }
	if eventType(i.Type) == "" {
		add("type: one of view, click, save")
	}
	if i.ProductID == "" && i.SKU == "" {
		add("product_id or sku is required")
	}
	for _, c := range [...]struct{ name, value string }{{"product_id", i.ProductID}, {"sku", i.SKU}} {
		if c.value != "" && !isCode(c.value) {
			add(c.name + ": 1 to 64 characters of A-Za-z0-9._~-")
		}
	}
	texts := [...]struct {
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
		if len(t.value) > t.most && utf8.RuneCountInString(t.value) > t.most {
			add(t.name + ": at most " + strconv.Itoa(t.most) + " characters")
		} else if strings.ContainsFunc(t.value, unicode.IsControl) {
			add(t.name + ": control characters")
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

// isCode says whether the catalog could have given it as an id or a SKU.
func isCode(s string) bool {
	for _, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '~' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// data is the item as its event carries it. Without consent nothing says who
// it was.
func (i *Interaction) data(now time.Time) event.InteractionData {
	d := event.InteractionData{
		SKU: i.SKU, Consent: i.Consent, OccurredAt: now, ReceivedAt: now,
		Page: i.address(i.Page), Referrer: i.address(i.Referrer), List: i.List, Position: i.Position, Query: i.Query,
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

// address is that of a page as it may be told: never with a login, and without
// consent only as far as it says where somebody was, for what follows a question
// mark may say who.
func (i *Interaction) address(of string) string {
	if !i.Consent {
		if end := strings.IndexAny(of, "?#"); end >= 0 {
			of = of[:end]
		}
	}
	scheme, rest, found := strings.Cut(of, "//")
	if !found {
		return of
	}
	host := rest
	if end := strings.IndexAny(rest, `/\?#`); end >= 0 {
		host = rest[:end]
	}
	return scheme + "//" + rest[strings.LastIndexByte(host, '@')+1:]
}
