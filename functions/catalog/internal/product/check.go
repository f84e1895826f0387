package product

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mallhive/product-service/functions/catalog/internal/slug"
	"github.com/mallhive/product-service/functions/catalog/internal/text"
	"github.com/mallhive/product-service/shared/fault"
)

// Limits of a document, in characters or items.
const (
	maxName        = 500
	maxDescription = 65536
	maxShort       = 200
	maxCategories  = 50
	maxAttributes  = 1000
	maxValue       = 20000
	maxList        = 500
	maxMedia       = 100
	maxOptions     = 5
	maxVariants    = 500
	maxPrices      = 200 // of a variant: more than there are currencies
)

// Check finds every fault of a normalised document that shows without looking
// at the rest of the catalog.
func (d *Document) Check() fault.List {
	var faults fault.List
	if d.Slug != "" {
		slug.Check(&faults, "/slug", d.Slug)
	}
	text.Check(&faults, "/name", d.Name, 1, maxName)
	text.Check(&faults, "/description", d.Description, 0, maxDescription)
	if d.Brand != nil {
		text.Check(&faults, "/brand", *d.Brand, 1, maxShort)
	}
	if d.ExternalID != nil {
		text.Check(&faults, "/external_id", *d.ExternalID, 1, maxShort)
	}
	if d.Status != Draft && d.Status != Active && d.Status != Archived {
		faults.Add("/status", "not_allowed", "draft, active or archived")
	}
	if d.PublishAt != nil && d.UnpublishAt != nil && !d.UnpublishAt.After(*d.PublishAt) {
		faults.Add("/unpublish_at", "out_of_range", "after publish_at")
	}
	for _, at := range []struct {
		pointer string
		time    *time.Time
	}{{"/publish_at", d.PublishAt}, {"/unpublish_at", d.UnpublishAt}, {"/published_at", d.PublishedAt}} {
		// In UTC the year may be one that neither RFC 3339 nor PostgreSQL's input has.
		if at.time != nil && (at.time.UTC().Year() < 1 || at.time.UTC().Year() > 9999) {
			faults.Add(at.pointer, "out_of_range", "in UTC a year from 1 to 9999")
		}
	}
	names(&faults, "/categories", d.Categories, maxCategories)
	names(&faults, "/options", d.Options, maxOptions)
	d.checkAttributes(&faults)
	d.checkMedia(&faults)
	d.checkVariants(&faults)
	return faults
}

func names(faults *fault.List, pointer string, list []string, most int) {
	if len(list) > most {
		faults.Add(pointer, "too_many", "at most %d", most)
	}
	list = list[:min(len(list), most+1)] // what is more is told once
	seen := make(map[string]bool, len(list))
	for i, name := range list {
		at := pointer + "/" + strconv.Itoa(i)
		text.Check(faults, at, name, 1, maxShort)
		if seen[name] {
			faults.Add(at, "duplicate", "named twice")
		}
		seen[name] = true
	}
}

func (d *Document) checkAttributes(faults *fault.List) {
	if len(d.Attributes) > maxAttributes {
		faults.Add("/attributes", "too_many", "at most %d", maxAttributes)
		return
	}
	for code, value := range d.Attributes {
		at := "/attributes/" + escape(code)
		text.Check(faults, at, code, 1, maxShort)
		switch v := value.(type) {
		case string:
			text.Check(faults, at, v, 0, maxValue)
		case bool, float64:
		case []any:
			if len(v) > maxList {
				faults.Add(at, "too_many", "at most %d", maxList)
				v = v[:maxList]
			}
			for i, item := range v {
				if s, ok := item.(string); ok {
					text.Check(faults, at+"/"+strconv.Itoa(i), s, 0, maxValue)
				} else {
					faults.Add(at+"/"+strconv.Itoa(i), "wrong_type", "a list holds texts")
				}
			}
		default:
			faults.Add(at, "wrong_type", "a text, a list of texts, a number or a boolean")
		}
	}
}

func (d *Document) checkMedia(faults *fault.List) {
	if len(d.Media) > maxMedia {
		faults.Add("/media", "too_many", "at most %d", maxMedia)
	}
	for i, m := range d.Media[:min(len(d.Media), maxMedia)] {
		at := "/media/" + strconv.Itoa(i)
		switch m.Kind {
		case "image", "video", "model", "document":
		default:
			faults.Add(at+"/kind", "not_allowed", "image, video, model or document")
		}
		u, err := url.Parse(m.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(m.URL) > 2000 {
			faults.Add(at+"/url", "format", "an absolute http or https address")
		}
		text.Check(faults, at+"/alt", m.Alt, 0, maxName)
	}
}

// escape is RFC 6901's.
func escape(token string) string {
	if !strings.ContainsAny(token, "~/") {
		return token
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}
