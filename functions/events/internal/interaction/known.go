package interaction

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/postgres"
)

const knownSQL = `
select '' as sku, p.product_id
from catalog.known_products p
where p.product_id = any(@products::uuid[])
union all
select s.sku, s.product_id
from catalog.known_skus s
where s.sku = any(@skus::text[])`

// How long an answer of the catalog is good for. A product is new only once, and
// is looked at right after.
const (
	knownFor   = 10 * time.Second
	unknownFor = time.Second
	// remembered is how many answers a generation has; there are two.
	remembered = 8192
)

// key is what an item names its product by.
type key struct {
	product uuid.UUID
	sku     string
}

// keyOf is false for what cannot be in the catalog.
func keyOf(item *Interaction) (key, bool) {
	if item.ProductID == "" {
		return key{sku: item.SKU}, true
	}
	id, err := uuid.Parse(item.ProductID)
	return key{product: id}, err == nil
}

// standing is whether the catalog has it, and as which product.
type standing struct {
	checked, known bool
	product        uuid.UUID
}

type remark struct {
	standing
	until time.Time
}

// catalog knows which products there are. Requests that ask at the same time
// share a query, and what was asked a moment ago is not asked again.
type catalog struct {
	db      postgres.DB
	breaker breaker

	mu         sync.Mutex
	young, old map[key]remark
	next       *round // gathers while another is under way
	running    bool
}

// round is one query for many requests.
type round struct {
	with  permission
	keys  map[key]standing
	err   error
	ended chan struct{}
}

// standings says of each item what the catalog knows. That it cannot say is no
// reason to drop items: they go on unchecked.
func (c *catalog) standings(ctx context.Context, items []Interaction) []standing {
	found := make([]standing, len(items))
	missing := c.recall(items, found, time.Now())
	if len(missing) == 0 {
		return found
	}
	with := c.breaker.ask(time.Now())
	if with == no {
		return found
	}
	r := c.join(missing, with)
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	select {
	case <-r.ended:
	case <-ctx.Done():
		return found
	}
	if r.err != nil {
		return found
	}
	for i, k := range missing {
		found[i] = r.keys[k]
	}
	return found
}

// recall fills in what is remembered, and returns what is not.
func (c *catalog) recall(items []Interaction, found []standing, now time.Time) map[int]key {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing map[int]key
	for i := range items {
		k, possible := keyOf(&items[i])
		if !possible {
			found[i].checked = true
			continue
		}
		r, there := c.young[k]
		if !there {
			r, there = c.old[k]
		}
		if there && now.Before(r.until) {
			found[i] = r.standing
			continue
		}
		if missing == nil {
			missing = make(map[int]key)
		}
		missing[i] = k
	}
	return missing
}

func (c *catalog) join(missing map[int]key, with permission) *round {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = &round{with: with, keys: map[key]standing{}, ended: make(chan struct{})}
	}
	for _, k := range missing {
		c.next.keys[k] = standing{checked: true}
	}
	if !c.running {
		c.running = true
		go c.run()
	}
	return c.next
}

// run asks round by round until nobody waits.
func (c *catalog) run() {
	for {
		c.mu.Lock()
		r := c.next
		c.next, c.running = nil, r != nil
		c.mu.Unlock()
		if r == nil {
			return
		}
		r.err = c.query(r)
		if r.err == nil {
			c.breaker.succeeded()
			c.remember(r.keys, time.Now())
		} else {
			late := errors.Is(r.err, context.DeadlineExceeded)
			c.breaker.failed(time.Now(), r.with, late, 0, r.err.Error())
		}
		close(r.ended)
	}
}

func (c *catalog) query(r *round) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	products, skus := []uuid.UUID{}, []string{}
	for k := range r.keys {
		if k.sku == "" {
			products = append(products, k.product)
		} else {
			skus = append(skus, k.sku)
		}
	}
	rows, err := c.db.Query(ctx, knownSQL, pgx.NamedArgs{"products": products, "skus": skus})
	if err == nil {
		var sku string
		var product uuid.UUID
		_, err = pgx.ForEachRow(rows, []any{&sku, &product}, func() error {
			k := key{sku: sku}
			if sku == "" {
				k.product = product
			}
			r.keys[k] = standing{checked: true, known: true, product: product}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("look up the products of interactions: %w", err)
	}
	return nil
}

// remember keeps answers in a bounded place: a full generation becomes the old
// one, and what was old is forgotten.
func (c *catalog) remember(answers map[key]standing, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, s := range answers {
		if len(c.young) >= remembered || c.young == nil {
			c.young, c.old = make(map[key]remark), c.young
		}
		good := unknownFor
		if s.known {
			good = knownFor
		}
		c.young[k] = remark{standing: s, until: now.Add(good)}
	}
}

// mark says in the data whether the product is known, and names it by the id
// that the catalog has for it.
func (s standing) mark(data *event.InteractionData) {
	if !s.checked {
		return
	}
	data.ProductKnown = &s.known
	if s.known {
		id := s.product.String()
		data.ProductID = &id
	}
}
