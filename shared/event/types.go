package event

import (
	"slices"
	"strings"
)

// Types that come in, from the order service.
const (
	OrderPlaced    = "com.mallhive.order.placed.v1"
	OrderPaid      = "com.mallhive.order.paid.v1"
	OrderCancelled = "com.mallhive.order.cancelled.v1"
	OrderReturned  = "com.mallhive.order.returned.v1"
)

// Types that go out.
const (
	ProductCreated = "com.mallhive.product.created.v1"
	ProductUpdated = "com.mallhive.product.updated.v1"
	ProductDeleted = "com.mallhive.product.deleted.v1"

	CategoryChanged = "com.mallhive.category.changed.v1"
	PriceChanged    = "com.mallhive.price.changed.v1"

	InventoryLocked    = "com.mallhive.inventory.locked.v1"
	InventoryRejected  = "com.mallhive.inventory.rejected.v1"
	InventoryCommitted = "com.mallhive.inventory.committed.v1"
	InventoryReleased  = "com.mallhive.inventory.released.v1"
	InventoryReturned  = "com.mallhive.inventory.returned.v1"
	InventoryExpired   = "com.mallhive.inventory.expired.v1"

	StockLow         = "com.mallhive.stock.low.v1"
	StockDepleted    = "com.mallhive.stock.depleted.v1"
	StockReplenished = "com.mallhive.stock.replenished.v1"

	InteractionViewed  = "com.mallhive.interaction.viewed.v1"
	InteractionClicked = "com.mallhive.interaction.clicked.v1"
	InteractionSaved   = "com.mallhive.interaction.saved.v1"
)

// OutboxReady wakes the events function; no other service sees it. Ping is
// what a Knative PingSource sends.
const (
	OutboxReady = "com.mallhive.outbox.ready.v1"
	Ping        = "dev.knative.sources.ping"
)

// Sources of what this service sends.
const (
	FromCatalog   = ours + "catalog"
	FromInventory = ours + "inventory"
	FromEvents    = ours + "events"

	ours = "/product-service/"
)

// Direction of an event type, seen from this service.
type Direction string

// The directions.
const (
	In       Direction = "in"
	Out      Direction = "out"
	Internal Direction = "internal"
)

// Type is one event type of the contract.
type Type struct {
	Name      string
	Direction Direction
	Summary   string
	// Kind is what the subject is an id of. Kind and subject together name the
	// stream whose events stay in order: a sku may equal an order id.
	Kind string
	// State marks types whose data is the state of the subject when it is
	// sent; only the newest of them waits in the outbox.
	State bool
}

// Types is the contract, in the order in which it is shown.
func Types() []Type { return slices.Clone(contract) }

// contract is never written to.
var contract = []Type{
	{OrderPlaced, In, "An order was placed: lock its stock", "order", false},
	{OrderPaid, In, "An order was paid: commit what it locked", "order", false},
	{OrderCancelled, In, "An order was cancelled: give its stock back", "order", false},
	{OrderReturned, In, "Goods of an order came back", "order", false},

	{InventoryLocked, Out, "The stock of an order is locked, wholly or in part", "order", false},
	{InventoryRejected, Out, "An order got no stock; its lines say why", "order", false},
	{InventoryCommitted, Out, "What an order locked is sold", "order", false},
	{InventoryReleased, Out, "What an order locked or bought is free again", "order", false},
	{InventoryReturned, Out, "Goods of an order are back", "order", false},
	{InventoryExpired, Out, "A lock ran out before its order was paid", "order", false},

	{StockLow, Out, "Available stock of a variant fell to its threshold", "stock", false},
	{StockDepleted, Out, "A variant has no stock left to sell", "stock", false},
	{StockReplenished, Out, "A variant is above its threshold again", "stock", false},

	{ProductCreated, Out, "A product is new: the whole product", "product", true},
	{ProductUpdated, Out, "A product changed: the whole product", "product", true},
	{ProductDeleted, Out, "A product is gone: its tombstone", "product", true},
	{CategoryChanged, Out, "A category is new, changed or deleted", "category", false},
	{PriceChanged, Out, "A price was set or scheduled, with the time it holds", "price", false},

	{InteractionViewed, Out, "Somebody viewed a product", "interaction", false},
	{InteractionClicked, Out, "Somebody clicked a product", "interaction", false},
	{InteractionSaved, Out, "Somebody saved a product", "interaction", false},

	{OutboxReady, Internal, "Changes wait in the outbox", "outbox", false},
}

// Replies are the types one of which answers an event of this type, in the
// response of its delivery; none when it has no reply.
func (t Type) Replies() []string {
	switch t.Name {
	case OrderPlaced:
		return []string{InventoryLocked, InventoryRejected}
	case OrderPaid:
		return []string{InventoryCommitted, InventoryRejected}
	case OrderCancelled:
		return []string{InventoryReleased}
	case OrderReturned:
		return []string{InventoryReturned}
	default:
		return nil
	}
}

// SubjectOf is what the subject of an event is, by the kind of its type.
func SubjectOf(kind string) string {
	switch kind {
	case "order":
		return "the order's id"
	case "stock", "price":
		return "the variant's SKU"
	case "interaction":
		return "the product's id, or the SKU where the product is not known"
	case "outbox":
		return "always outbox"
	default:
		return "the id of the " + kind
	}
}

// TypeOf finds a type of the contract by its name.
func TypeOf(name string) (Type, bool) {
	for _, t := range contract {
		if t.Name == name {
			return t, true
		}
	}
	return Type{}, false
}

// source is who sends a type.
func (t Type) source() string {
	switch t.Kind {
	case "order":
		if t.Direction == In {
			return "/order-service"
		}
		return FromInventory
	case "stock":
		return FromInventory
	case "interaction", "outbox":
		return FromEvents
	default:
		return FromCatalog
	}
}

// subjectField is the field of the data that the subject repeats.
func (t Type) subjectField() string {
	switch t.Kind {
	case "order":
		return "order_id"
	case "stock", "price":
		return "sku"
	case "interaction":
		return "product_id"
	default:
		return "id"
	}
}

// SubjectIn is the subject of an event with this data, where the data repeats
// it.
func (t Type) SubjectIn(data any) string {
	members, _ := data.(map[string]any)
	for _, field := range []string{t.subjectField(), "sku"} {
		if subject, _ := members[field].(string); subject != "" {
			return subject
		}
	}
	return ""
}

// SchemaURL is the absolute address of a type's description, the dataschema of
// its events.
func SchemaURL(publicBaseURL, name string) string {
	return strings.TrimSuffix(publicBaseURL, "/") + "/v1/event-types/" + name
}
