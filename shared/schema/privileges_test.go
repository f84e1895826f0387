package schema_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/postgres/testdb"
)

// allowed is all that a function may do in the database, and each line is a
// decision: a right that a migration grants is written here too, or the test
// fails. Columns in brackets are the only ones of that right.
const allowed = `
catalog_fn catalog.attributes delete insert select update
catalog_fn catalog.categories delete insert select update
catalog_fn catalog.category_filters delete insert select update
catalog_fn catalog.category_tree select update(version)
catalog_fn catalog.changes select
catalog_fn catalog.changes_under_way insert(kind,subjects)
catalog_fn catalog.idempotency_keys delete insert select update
catalog_fn catalog.listed_categories delete insert select update(packed)
catalog_fn catalog.listed_counts delete insert select update
catalog_fn catalog.listed_prices delete insert select
catalog_fn catalog.listed_products delete insert select update
catalog_fn catalog.listing_prices delete insert select update
catalog_fn catalog.listings delete insert select update
catalog_fn catalog.offers select
catalog_fn catalog.old_category_slugs delete insert select update
catalog_fn catalog.old_slugs delete insert select update
catalog_fn catalog.prices insert select update(cancelled_at,ends_at)
catalog_fn catalog.product_categories delete insert select update
catalog_fn catalog.product_documents select
catalog_fn catalog.product_pages delete insert select update
catalog_fn catalog.products insert select update
catalog_fn catalog.search_documents delete insert select update
catalog_fn catalog.search_names delete insert select update
catalog_fn catalog.terms delete insert select update
catalog_fn catalog.tree_now select
catalog_fn catalog.variant_documents select
catalog_fn catalog.variants insert select update
catalog_fn catalog.words delete insert select update
catalog_fn events.outbox insert
catalog_fn inventory.sellability select
events_fn catalog.known_products select
events_fn catalog.known_skus select
events_fn catalog.offers select
events_fn catalog.product_documents select
events_fn events.dead_letters delete insert select update
events_fn events.idempotency_keys delete insert select update
events_fn events.outbox delete insert select update
events_fn events.resyncs insert select update
inventory_fn catalog.offers select
inventory_fn catalog.prices_now select
inventory_fn catalog.variants_now select
inventory_fn events.outbox insert
inventory_fn inventory.holdings select
inventory_fn inventory.idempotency_keys delete insert select update
inventory_fn inventory.levels insert select update
inventory_fn inventory.locations insert select update
inventory_fn inventory.messages insert select
inventory_fn inventory.movements insert select
inventory_fn inventory.on_hand select
inventory_fn inventory.overdue select
inventory_fn inventory.reservation_lines insert select update(expires_at,held,owed,released,returned,sold)
inventory_fn inventory.reservations insert select update
inventory_fn inventory.sellability select
inventory_fn inventory.stock insert select update
inventory_fn inventory.takers select
`

// Every table and view of the database against every right and every login.
const rightsSQL = `
	with relations as (
		select c.oid, n.nspname || '.' || c.relname as name
		from pg_class c
		join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p', 'v', 'm', 'f')
		  and n.nspname !~ '^pg_'
		  and n.nspname <> 'information_schema'
	), rights as (
		select f.name as role, r.name as relation,
			case
				when has_table_privilege(f.login, r.oid, p.word) then p.word
				when p.word in ('select', 'insert', 'update', 'references') and has_any_column_privilege(f.login, r.oid, p.word)
					then p.word || '(' || (
						select string_agg(a.attname, ',' order by a.attname)
						from pg_attribute a
						where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
						  and has_column_privilege(f.login, r.oid, a.attnum, p.word)) || ')'
			end as verb
		from relations r
		cross join (values ('catalog_fn', 'test_catalog'), ('inventory_fn', 'test_inventory'), ('events_fn', 'test_events')) f (name, login)
		cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p (word)
	)
	select role || ' ' || relation || ' ' || string_agg(verb, ' ' order by verb)
	from rights
	where verb is not null
	group by role, relation
	order by role collate "C", relation collate "C"`

func TestEachFunctionMayTouchWhatIsListedAndNothingElse(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	rows, err := db.Owner(t).Query(context.Background(), rightsSQL)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, strings.Split(strings.TrimSpace(allowed), "\n"), found)
}

// What runs with the owner's rights, who may run it, and with which search path.
const definersSQL = `
	select n.nspname || '.' || p.proname || ' ' ||
		coalesce(array_to_string(p.proconfig, ' '), 'no search_path') || ' ' ||
		array_to_string(array(
			select r.name from unnest(array['catalog_fn', 'events_fn', 'inventory_fn', 'public']) r (name)
			where has_function_privilege(r.name, p.oid, 'execute')), ' ')
	from pg_proc p
	join pg_namespace n on n.oid = p.pronamespace
	where p.prosecdef
	  and n.nspname !~ '^pg_'
	order by 1`

func TestWhatRunsAsTheOwnerHasAFixedSearchPathAndFewCallers(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	rows, err := db.Owner(t).Query(context.Background(), definersSQL)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{
		"catalog.hold_products search_path=pg_catalog events_fn",
		"catalog.note_changes search_path=pg_catalog ",
		"catalog.place_changes search_path=pg_catalog ",
		"catalog.refresh_statistics search_path=pg_catalog catalog_fn",
		"events.append_states search_path=pg_catalog catalog_fn events_fn",
	}, found)
}

func TestNoLoginOwnsOrMakesAnything(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ctx := context.Background()
	const owners = `
		select distinct pg_get_userbyid(c.relowner)
		from pg_class c
		join pg_namespace n on n.oid = c.relnamespace
		where n.nspname in ('catalog', 'inventory', 'events', 'migration')`
	rows, err := db.Owner(t).Query(ctx, owners)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"product_owner"}, found)
	const powers = `
		select rolname from pg_roles
		where rolname in ('catalog_fn', 'inventory_fn', 'events_fn', 'product_owner')
		  and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or rolcanlogin)`
	rows, err = db.Owner(t).Query(ctx, powers)
	require.NoError(t, err)
	found, err = pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, found)
}

// refusedToAll are statements that no function's login may run.
func refusedToAll() []string {
	return []string{
		`set role product_owner`, `set session authorization postgres`, `alter role current_user superuser`, `create role other login`,
		`create table catalog.mine (a int)`, `create table inventory.mine (a int)`, `create table events.mine (a int)`, `create table public.mine (a int)`,
		`create temporary table mine (a int)`, `create schema mine`, `create function public.mine() returns int language sql as 'select 1'`,
		`create extension pg_stat_statements`, `drop table inventory.movements`, `alter table catalog.prices disable trigger all`,
		`alter table inventory.levels drop constraint levels_never_oversold`, `truncate inventory.movements`, `truncate events.outbox`,
		`set session_replication_role = replica`, `select nextval('inventory.movements_id_seq')`, `select setval('events.outbox_position', 1)`,
		`select * from migration.applied`, `select * from pg_authid`, `select pg_read_file('/etc/passwd')`, `copy (select 1) to '/tmp/x'`,
		`copy (select 1) to program 'id'`, `select lo_import('/etc/passwd')`, `do $$ begin perform pg_ls_dir('.'); end $$`,
	}
}

func TestAStatementBeyondAFunctionsTaskIsRefused(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	for role, more := range map[string][]string{
		"catalog": {
			`update catalog.prices set amount = 1`, `update catalog.prices set starts_at = now()`, `delete from catalog.prices`,
			`delete from catalog.products`, `delete from catalog.variants`, `update catalog.changes set position = 0`, `delete from catalog.changes`,
			`insert into catalog.changes_under_way (kind, subjects, versions) values ('product', '{}', '{}')`, `select nextval('catalog.change_position')`, `select * from events.outbox`, `update events.outbox set data = null`,
			`delete from events.outbox`, `select * from events.dead_letters`, `select * from events.resyncs`, `select catalog.hold_products(null, null, null, 1)`,
			`select * from inventory.stock`, `select * from inventory.levels`,
			`update inventory.levels set on_hand = 1`, `select * from inventory.reservations`, `insert into inventory.stock (sku) values ('a')`,
			`select * from inventory.idempotency_keys`,
		},
		"inventory": {
			`update inventory.movements set on_hand_delta = 0`, `delete from inventory.movements`, `update inventory.messages set reply = '{}'`,
			`delete from inventory.messages`, `delete from inventory.reservations`, `delete from inventory.levels`, `delete from inventory.stock`,
			`update inventory.reservation_lines set sku = 'a'`, `delete from inventory.reservation_lines`, `select * from catalog.products`,
			`update catalog.prices set ends_at = now()`, `select * from catalog.product_documents`, `select * from events.outbox`,
			`delete from events.outbox`, `select events.append_states('{}','{}','{}','{}','{}','{}','')`, `select catalog.refresh_statistics()`,
		},
		"events": {
			`select * from catalog.products`, `select * from catalog.prices`, `update catalog.products set name = ''`, `select * from inventory.stock`,
			`select * from inventory.sellability`, `select * from inventory.movements`, `insert into inventory.locations (code, name, priority) values ('a', 'a', 1)`,
			`select catalog.refresh_statistics()`, `select from catalog.products for no key update`, `delete from events.resyncs`, `select * from catalog.changes`,
		},
	} {
		conn, err := pgx.Connect(context.Background(), db.URL(role))
		require.NoError(t, err)
		for _, sql := range append(refusedToAll(), more...) {
			_, err := conn.Exec(context.Background(), sql)
			var refused *pgconn.PgError
			require.ErrorAs(t, err, &refused, "%s may %s", role, sql)
			require.Equal(t, "42501", refused.Code, "%s: %s: %s", role, sql, refused.Message)
		}
		require.NoError(t, conn.Close(context.Background()))
	}
}

func TestALoginReachesItsOwnDatabaseAlone(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	admin, err := pgx.Connect(context.Background(), os.Getenv(testdb.Variable))
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close(context.Background())) }()
	name := strings.TrimPrefix(mustParse(t, db.URL("catalog")).Database, "test_")
	_, err = admin.Exec(context.Background(), "create role stranger_"+name+" login password 'stranger'")
	require.NoError(t, err)
	defer func() {
		_, err := admin.Exec(context.Background(), "drop role stranger_"+name)
		require.NoError(t, err)
	}()
	cfg := mustParse(t, db.URL("catalog"))
	cfg.User, cfg.Password = "stranger_"+name, "stranger"
	_, err = pgx.ConnectConfig(context.Background(), cfg)
	var refused *pgconn.PgError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "42501", refused.Code, refused.Message)
}

func mustParse(t *testing.T, url string) *pgx.ConnConfig {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	return cfg
}
