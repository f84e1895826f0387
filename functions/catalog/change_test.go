package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mallhive/product-service/shared/web/webtest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

type feedPage struct {
	Items []changeItem
	Next  int64
	More  bool
}

func changes(t testing.TB, s *servicetest.Server, query string) feedPage {
	t.Helper()
	a := s.Do(t, "GET", "/v1/changes?"+query, nil, s.Bearer(t, drafts))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var page feedPage
	a.JSON(t, &page)
	return page
}

// follower keeps what the feed has told, as a consumer does.
type follower struct {
	next  int64
	knows map[string]changeItem
}

func (i changeItem) subject() string {
	if i.ID != nil {
		return i.Kind + " " + i.ID.String()
	}
	return i.Kind + " " + i.Code + i.SKU
}

// follow reads on to the end and returns what is new, in order.
func (f *follower) follow(t testing.TB, s *servicetest.Server, limit int) []string {
	t.Helper()
	if f.knows == nil {
		f.knows = map[string]changeItem{}
	}
	var news []string
	for {
		page := changes(t, s, fmt.Sprintf("after=%d&limit=%d", f.next, limit))
		for _, item := range page.Items {
			require.Greater(t, item.Position, f.next, "positions rise")
			f.next = item.Position
			f.knows[item.subject()] = item
			news = append(news, strings.TrimSpace(fmt.Sprintf("%s %v", item.subject(), deref(item.Version))))
		}
		require.GreaterOrEqual(t, page.Next, f.next)
		f.next = page.Next
		if !page.More {
			return news
		}
	}
}

func deref(v *int64) any {
	if v == nil {
		return ""
	}
	return *v
}

// standing is what a follower must know in the end.
const standingSQL = `
	select 'product ' || id, version, deleted_at is not null from catalog.products
	union all select 'category ' || id, version, false from catalog.categories
	union all select 'attribute ' || code, version, false from catalog.attributes`

func (f *follower) requireAll(t testing.TB, db *testdb.Database) {
	t.Helper()
	rows, err := db.Owner(t).Query(context.Background(), standingSQL)
	require.NoError(t, err)
	var subject string
	var version int64
	var deleted bool
	known := 0
	_, err = pgx.ForEachRow(rows, []any{&subject, &version, &deleted}, func() error {
		known++
		item, told := f.knows[subject]
		require.True(t, told, "%s was told", subject)
		require.Equal(t, version, *item.Version, "the latest of %s", subject)
		require.Equal(t, deleted, item.Deleted, subject)
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, known)
	living := 0
	for _, item := range f.knows {
		if item.Kind == "product" || item.Kind != "price" && !item.Deleted {
			living++
		}
	}
	require.Equal(t, known, living, "what is gone is told to be")
}

func TestAReaderOfChangesMissesNothingHoweverManyWrite(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	const writers, writes = 6, 30
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() { disturb(t, s, w, writes) })
	}
	var f follower
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				f.follow(t, s, 7)
			}
		}
	})
	writing.Wait()
	close(done)
	reading.Wait()
	f.follow(t, s, 7)
	f.requireAll(t, s.DB)
	var fresh follower
	fresh.follow(t, s, 250)
	require.Equal(t, fresh.knows, f.knows, "reading along ends where reading afterwards does")
}

// disturb changes its own products, some that all change, the tree and
// attributes, one after the other.
func disturb(t testing.TB, s *servicetest.Server, writer, writes int) {
	token := s.Bearer(t, write)
	any := header("If-Match", "*")
	random := rand.New(rand.NewPCG(uint64(writer), 1)) //nolint:gosec // a test's choices
	for i := range writes {
		slug := fmt.Sprintf("p-%d-%d", writer, random.IntN(5))
		body := fmt.Sprintf(`{"slug":"%s","name":"P %d","status":"active","variants":[{"sku":"%s","price":{"amount":%d,"currency":"USD"}}]}`, slug, i, strings.ToUpper(slug), i)
		switch random.IntN(7) {
		case 0:
			s.Do(t, "DELETE", "/v1/products/"+slug, nil, token, any)
		case 1:
			s.Do(t, "PUT", "/v1/variants/"+strings.ToUpper(slug)+"/price", fmt.Sprintf(`{"price":{"amount":%d,"currency":"EUR"}}`, i), token, any)
		case 2:
			s.Do(t, "PUT", fmt.Sprintf("/v1/categories/c-%d", random.IntN(3)), fmt.Sprintf(`{"slug":"c-%d","name":"C %d %d","parent":"home"}`, random.IntN(3), writer, i), token, header("If-None-Match", "*"))
			s.Do(t, "DELETE", fmt.Sprintf("/v1/categories/c-%d", random.IntN(3)), nil, token, any)
		case 3:
			s.Do(t, "PUT", "/v1/attributes/notes", fmt.Sprintf(`{"code":"notes","name":"Notes %d %d","type":"text"}`, writer, i), token, any)
		case 4:
			s.Do(t, "POST", "/v1/products:import?dry_run=true", body, token, header("Content-Type", "application/x-ndjson"))
		default:
			s.Do(t, "POST", "/v1/products:import", body+"\n"+strings.ReplaceAll(body, slug, "shared-one"), token, header("Content-Type", "application/x-ndjson"))
		}
	}
}

// The release before, or anybody else who writes the tables, is told of as well.
func TestTheFeedNeedsNoHelpOfWriters(t *testing.T) {
	t.Parallel()
	s := start(t)
	made := create1(t, s, `{"name":"Mug","variants":[{"sku":"M"}]}`)
	var f follower
	f.follow(t, s, 100)
	_, err := s.DB.Owner(t).Exec(context.Background(), `update catalog.products set version = version + 1`)
	require.NoError(t, err)
	require.Equal(t, []string{"product " + made.ID.String() + " 2"}, f.follow(t, s, 100))
	require.Empty(t, f.follow(t, s, 100))
}

// early is a transaction that has its position and has not committed yet;
// late is another that begins after it.
func earlyAndLate(t *testing.T, db *testdb.Database) (skipped bool) {
	t.Helper()
	ctx := context.Background()
	pool := db.Owner(t)
	s := servicetest.Start(t, "catalog", &config{DefaultCurrency: "USD"}, routes, servicetest.On(db))
	insert := `insert into catalog.attributes (code, name, type, filterable) values ($1, 'A', 'text', false)`
	early, err := pool.Begin(ctx)
	require.NoError(t, err)
	_, err = early.Exec(ctx, insert, "early")
	require.NoError(t, err)
	_, err = early.Exec(ctx, `set constraints all immediate`)
	require.NoError(t, err)
	late := make(chan error, 1)
	go func() {
		_, err := pool.Exec(ctx, insert, "late")
		late <- err
	}()
	// Until late waits for early, or is done without.
	var waits bool
	require.NoError(t, pool.QueryRow(ctx, `select 1 = 0`).Scan(&waits))
	for !waits {
		select {
		case err := <-late:
			require.NoError(t, err)
			late <- nil
			waits = true
		default:
			require.NoError(t, pool.QueryRow(ctx, `select exists (
				select from pg_locks l join pg_database d on d.oid = l.database
				where d.datname = current_database() and l.locktype = 'advisory' and not l.granted)`).Scan(&waits))
		}
	}
	var f follower
	f.follow(t, s, 100)
	require.NoError(t, early.Commit(ctx))
	require.NoError(t, <-late)
	f.follow(t, s, 100)
	return len(f.knows) < 2
}

func TestAPositionIsGivenUnderALockThatIsHeldUntilTheCommit(t *testing.T) {
	t.Parallel()
	t.Run("with the lock nothing is skipped", func(t *testing.T) {
		t.Parallel()
		require.False(t, earlyAndLate(t, testdb.New(t)))
	})
	t.Run("without it a reader skips", func(t *testing.T) {
		t.Parallel()
		db := testdb.New(t)
		ctx, owner := context.Background(), db.Owner(t)
		var definition string
		require.NoError(t, owner.QueryRow(ctx, `select pg_get_functiondef('catalog.place_changes'::regproc)`).Scan(&definition))
		unlocked := strings.Replace(definition, "perform pg_advisory_xact_lock(", "perform (", 1)
		require.NotEqual(t, definition, unlocked)
		_, err := owner.Exec(ctx, unlocked)
		require.NoError(t, err)
		require.True(t, earlyAndLate(t, db), "the test above can fail")
	})
}

func TestChangesTellWhatTheirSubjectsAre(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	made := create1(t, s, pan)
	token := s.Bearer(t, write)
	before := changes(t, s, "after=0")
	require.Len(t, before.Items, 10, "five attributes, four categories, a product")
	require.False(t, before.More)
	a := s.Do(t, "PUT", "/v1/variants/PAN-24/price", `{"price":{"amount":700,"currency":"KWD"}}`, token, header("If-Match", "*"))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	page := changes(t, s, fmt.Sprintf("after=%d&include=document", before.Next))
	require.Len(t, page.Items, 2)
	require.Equal(t, "PAN-24", page.Items[1].SKU)
	require.Equal(t, "price", page.Items[1].Kind)
	require.Nil(t, page.Items[1].Version)
	for _, item := range page.Items {
		require.Equal(t, made.ID, item.Product.ID)
		require.Len(t, item.Product.Variants[0].Prices, 2, "as they are now")
	}
	all := changes(t, s, "after=0&include=document&kind=category&kind=attribute")
	require.Len(t, all.Items, 9)
	require.Equal(t, page.Next, all.Next, "to the end, past what was not asked for")
	require.Equal(t, "colour", all.Items[0].AttributeNow.Code)
	require.Equal(t, []string{"brand", "price", "colour"}, all.Items[5].Category.Filters)

	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/products/iron-pan", nil, token, header("If-Match", "*")).Status)
	require.Equal(t, 204, s.Do(t, "DELETE", "/v1/categories/garden", nil, token, header("If-Match", "*")).Status)
	gone := changes(t, s, fmt.Sprintf("after=%d&include=document", page.Next))
	require.Len(t, gone.Items, 2)
	require.True(t, gone.Items[0].Deleted && gone.Items[1].Deleted)
	require.Equal(t, "iron-pan", *gone.Items[0].Slug)
	require.EqualValues(t, 3, *gone.Items[0].Version)
	require.Nil(t, gone.Items[0].Product)
	require.Equal(t, "garden", *gone.Items[1].Slug)
}

func TestChangesAreForThoseWhoMayReadDrafts(t *testing.T) {
	t.Parallel()
	s := start(t)
	refused(t, s.Do(t, "GET", "/v1/changes", nil), 401)
	refused(t, s.Do(t, "GET", "/v1/changes", nil, s.Bearer(t, write)), 403)
	_, faults := refused(t, s.Do(t, "GET", "/v1/changes?after=1", nil, s.Bearer(t, drafts)), 422)
	require.Equal(t, []string{"/after out_of_range"}, faults, "a position of another database")
	a := s.Do(t, "GET", "/v1/changes", nil, s.Bearer(t, drafts))
	require.JSONEq(t, `{"items":[],"next":0,"more":false}`, string(a.Body))
	require.Equal(t, "private, no-store", a.Header.Get("Cache-Control"))
	var item map[string]any
	require.NoError(t, json.Unmarshal(a.Body, &item))
}

// eachWrite is a call of every operation that writes, in an order in which each
// changes something, and the kinds of subjects that must be told of then.
// PRICE stands for the id of the price that is still to come.
var eachWrite = []struct{ operation, method, path, body, told string }{
	{"create-attribute", "POST", "/v1/attributes", `{"code":"depth","name":"Depth","type":"number"}`, "attribute"},
	{"replace-attribute", "PUT", "/v1/attributes/depth", `{"code":"depth","name":"Deep","type":"number"}`, "attribute"},
	{"patch-attribute", "PATCH", "/v1/attributes/depth", `{"name":"Depth"}`, "attribute"},
	{"import-attributes", "POST", "/v1/attributes:import", `{"code":"height","name":"Height","type":"number"}`, "attribute"},
	{"delete-attribute", "DELETE", "/v1/attributes/height", "", "attribute"},
	{"create-category", "POST", "/v1/categories", `{"slug":"lids","name":"Lids"}`, "category"},
	{"replace-category", "PUT", "/v1/categories/lids", `{"slug":"lids","name":"Covers"}`, "category"},
	{"patch-category", "PATCH", "/v1/categories/lids", `{"description":"of pans"}`, "category"},
	{"move-category", "POST", "/v1/categories/lids/move", `{"parent":"pans"}`, "category"},
	{"set-category-filters", "PUT", "/v1/categories/lids/filters", `{"filters":["brand"]}`, "category"},
	{"import-categories", "POST", "/v1/categories:import", `{"slug":"grills","name":"Grills"}`, "category"},
	{"create-product", "POST", "/v1/products", `{"slug":"wok","name":"Wok","status":"active","categories":["lids"],"options":["size"],"variants":[{"sku":"W-1","options":{"size":"1"},"price":{"amount":9,"currency":"USD"}}]}`, "product"},
	{"arrange-category-products", "PUT", "/v1/categories/lids/products", `{"products":["wok"]}`, "category"},
	{"patch-product", "PATCH", "/v1/products/wok", `{"description":"of iron"}`, "product"},
	{"import-products", "POST", "/v1/products:import", `{"slug":"spoon","name":"Spoon","variants":[{"sku":"S-1"}]}`, "product"},
	{"create-variant", "POST", "/v1/products/wok/variants", `{"sku":"W-2","options":{"size":"2"}}`, "product"},
	{"replace-variant", "PUT", "/v1/variants/W-2", `{"sku":"W-2","mpn":"two","options":{"size":"2"},"price":{"amount":8,"currency":"USD"}}`, "price product"},
	{"patch-variant", "PATCH", "/v1/variants/W-2", `{"mpn":"zwei"}`, "product"},
	{"set-price", "PUT", "/v1/variants/W-1/price", `{"price":{"amount":7,"currency":"USD"}}`, "price product"},
	{"import-prices", "POST", "/v1/prices:import", `{"sku":"W-1","price":{"amount":6,"currency":"USD"}}`, "price product"},
	{"set-price", "PUT", "/v1/variants/W-1/price", `{"price":{"amount":5,"currency":"USD"},"starts_at":"2999-01-01T00:00:00Z"}`, "price product"},
	{"delete-price", "DELETE", "/v1/variants/W-1/prices/PRICE", "", "price product"},
	{"create-sale", "POST", "/v1/variants/W-1/sales", `{"price":{"amount":4,"currency":"USD"},"starts_at":"2998-01-01T00:00:00Z","ends_at":"2999-01-01T00:00:00Z"}`, "price product"},
	{"delete-sale", "DELETE", "/v1/variants/W-1/sales/PRICE", "", "price product"},
	{"delete-variant", "DELETE", "/v1/variants/W-2", "", "product"},
	{"replace-product", "PUT", "/v1/products/wok", `{"slug":"wok","name":"Wok","categories":["lids"],"variants":[{"sku":"W-1"}]}`, "product"},
	{"delete-category", "DELETE", "/v1/categories/lids?reassign_to=grills", "", "category product"},
	{"delete-product", "DELETE", "/v1/products/wok", "", "product"},
}

func TestEveryWriteIsFoundInTheFeed(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	var f follower
	f.follow(t, s, 250)
	called := map[string]bool{}
	for _, w := range eachWrite {
		called[w.operation] = true
		if strings.Contains(w.path, "PRICE") {
			var id string
			require.NoError(t, s.DB.Owner(t).QueryRow(context.Background(), `select id from catalog.prices where starts_at > now() and cancelled_at is null`).Scan(&id))
			w.path = strings.ReplaceAll(w.path, "PRICE", id)
		}
		headers := []servicetest.Header{s.Bearer(t, write)}
		switch {
		case strings.HasPrefix(w.operation, "import-"):
			headers = append(headers, header("Content-Type", "application/x-ndjson"))
		case w.method == "PATCH":
			headers = append(headers, header("Content-Type", "application/merge-patch+json"))
		}
		if w.method != "POST" || strings.Count(w.path, "/") > 2 {
			headers = append(headers, header("If-Match", "*"))
		}
		a := s.Do(t, w.method, w.path, []byte(w.body), headers...)
		require.Less(t, a.Status, 300, "%s: %s", w.operation, a.Body)
		kinds := map[string]bool{}
		for _, news := range f.follow(t, s, 250) {
			kind, _, _ := strings.Cut(news, " ")
			kinds[kind] = true
		}
		for kind := range strings.FieldsSeq(w.told) {
			require.True(t, kinds[kind], "%s tells of a %s: %v", w.operation, kind, kinds)
		}
		f.requireAll(t, s.DB)
	}
	for _, operation := range writes(t, s) {
		require.True(t, called[operation], "%s writes: call it above", operation)
	}
}

// writes is the operations that need catalog:write, by the function's document.
func writes(t testing.TB, s *servicetest.Server) []string {
	t.Helper()
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Security    []map[string][]string
		}
	}
	s.Do(t, "GET", "/v1/openapi/catalog.json", nil).JSON(t, &document)
	var list []string
	for _, methods := range document.Paths {
		for _, operation := range methods {
			for _, needed := range operation.Security {
				if slices.Contains(needed["bearer"], write) {
					list = append(list, operation.OperationID)
				}
			}
		}
	}
	require.Greater(t, len(list), 20)
	return list
}

// A dry run lasts as long as somebody sends rows. Were positions given when
// things are written, nobody else could commit until it ends.
func TestADryRunHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	in, out := io.Pipe()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+"/v1/products:import?dry_run=true", in)
	require.NoError(t, err)
	token := s.Bearer(t, write)
	req.Header.Set(token.Name, token.Value)
	go func() { _, _ = io.WriteString(out, `{"name":"Rehearsed"}`+"\n") }()
	res, err := webtest.Client.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	_, err = res.Body.Read(make([]byte, 64))
	require.NoError(t, err, "it is written, and not yet rolled back")
	create1(t, s, `{"name":"Meant"}`)
	require.NoError(t, out.Close())
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(rest), `"created":1`)
	require.Len(t, changes(t, s, "after=0").Items, 1, "what was rehearsed is not told")
}
