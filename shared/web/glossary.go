package web

import "github.com/danielgtaylor/huma/v2"

// glossary is what words mean wherever they stand in our documents: members and
// parameters that say nothing themselves say this, and show this example.
var glossary = map[string]struct {
	meaning string
	example any
}{
	"accepted":            {"How many were taken", 2},
	"alt":                 {"What it shows, for who does not see it", "A black toner cartridge"},
	"amount":              {"In minor units of the currency: cents of USD, whole JPY", 4995},
	"backorder_allowance": {"How many may be locked beyond what is there", 0},
	"backorder_limit":     {"How many may be locked beyond what is there", 10},
	"brand":               {"Who makes it", "Xerox"},
	"actor":               {"Who did it", "system:serviceaccount:order:order-service"},
	"code":                {"A short name, for ever", "colour"},
	"detail":              {"In words", "the broker refuses the event: 422"},
	"destination":         {"Where it could not be delivered", "http://inventory.product.svc.cluster.local"},
	"cursor":              {"next_cursor of the page before", nil},
	"category":            {"Slug of a category", "toner"},
	"created":             {"Rows that made something new", 180},
	"currency":            {"ISO 4217", "USD"},
	"event_id":            {"Id of the event, the same in every delivery", "01939f0e-7c52-7d1a-9d6e-1f2f3a4b5c6d"},
	"failed":              {"Rows that were refused", 2},
	"id":                  {"Given by us, for ever", "01939f0e-7c52-7d1a-9d6e-1f2f3a4b5c6d"},
	"incoming":            {"How many are on their way", 20},
	"key":                 {"What names the row's thing", "ICE-3920564"},
	"ledger_on_hand":      {"What the ledger comes to", 40},
	"ledger_reserved":     {"What the ledger comes to", 3},
	"limit":               {"How many items a page has at most", nil},
	"list":                {"The list it stood in", "search"},
	"location":            {"Code of the location", "main"},
	"low_stock_threshold": {"At this or less it runs low", 5},
	"max_per_order":       {"How many one order may have", 10},
	"mpn":                 {"The maker's part number", "006R90321"},
	"name":                {"As people read it", "Toner cartridges"},
	"next_cursor":         {"Where the next page begins; null on the last", "eyJhIjoidG9uZXIifQ"},
	"on_hand":             {"How many are there", 40},
	"on_hand_after":       {"How many were there then", 38},
	"on_hand_delta":       {"How many came or went", -2},
	"order_id":            {"The order, as the order service names it", "O-10001"},
	"page":                {"Address of the page it happened on", "https://products.mallhive.com/toner"},
	"pointer":             {"", "/variants/0/sku"},
	"position":            {"Place in an order, smallest first", 1},
	"priority":            {"Locks take from the smallest first", 1},
	"product_id":          {"The product it belongs to", "0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11"},
	"quantity":            {"How many", 2},
	"query":               {"What was searched for", "toner"},
	"reason":              {"Why", "damaged"},
	"ref":                 {"Id or slug", "xerox-006r90321"},
	"reference":           {"What it belongs to elsewhere", "RMA-77"},
	"refs":                {"Ids, SKUs or slugs", []any{"ICE-3920564"}},
	"referrer":            {"Address of the page before", "https://homepage.mallhive.com/"},
	"replays":             {"How often it was sent again", 1},
	"replayed":            {"How many were sent again", 12},
	"refusal":             {"Why it is refused", "the event has no type"},
	"requested_by":        {"Who asked for it", "ops@mallhive.com"},
	"requested":           {"How many were asked for", 2},
	"reserved":            {"How many are held by orders", 3},
	"reserved_after":      {"How many were held then", 3},
	"reserved_delta":      {"How many were held or freed", 2},
	"result":              {"What became of it", "created"},
	"row":                 {"Number of the row, from 1", 1},
	"rows":                {"How many came", 192},
	"safety_stock":        {"How many are never sold", 2},
	"sequence":            {"Rises with every event of a subject", 1042},
	"shortfall":           {"How many are held although a count did not find them", 0},
	"sku":                 {"Names what is sold, for ever", "ICE-3920564"},
	"skus":                {"Names of what is sold", []any{"ICE-3920564"}},
	"slug":                {"Name in addresses", "toner"},
	"source":              {"Who sent the event", "/product-service/catalog"},
	"state":               {"Where it is on its way", nil},
	"subject":             {"What the event is about", "ICE-3920564"},
	"summary":             {"In one line", "An order was placed"},
	"type":                {"Type of the event", "com.mallhive.order.placed.v1"},
	"unchanged":           {"Rows that said what is so already", 10},
	"unit":                {"Unit of the numbers", "inch"},
	"updated":             {"Rows that changed something", 0},
	"value":               {"One of the values", "Black"},
	"version":             {"Raised by every change; the first part of the ETag", 3},
	"weight_grams":        {"In grams", 900},
}

// explained is a schema that says what the glossary knows of its name.
func explained(name string, s *huma.Schema) *huma.Schema {
	word, known := glossary[name]
	if !known || s.Ref != "" {
		return s
	}
	said := *s
	if said.Description == "" {
		said.Description = word.meaning
	}
	if len(said.Examples) == 0 && len(said.Enum) == 0 && said.Default == nil && said.Format != "uuid" && fitsType(s.Type, word.example) {
		said.Examples = []any{word.example}
	}
	return &said
}

func fitsType(typ string, example any) bool {
	switch example.(type) {
	case string:
		return typ == huma.TypeString
	case []any:
		return typ == huma.TypeArray
	case int:
		return typ == huma.TypeInteger || typ == huma.TypeNumber
	}
	return false
}
