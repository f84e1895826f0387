-- Run once for a database by an administrator (on RDS the master user), again
-- whenever this file changes: every statement may be repeated.
-- product_owner owns all objects and is used by migrations alone; the other
-- three own nothing. Login users are members, two for each function, so that
-- their passwords can be rotated in turn.
do $$
declare
    r text;
begin
    -- Roles belong to the whole server: two databases set up at once must not collide.
    perform pg_advisory_xact_lock(hashtext('product-service roles'));
    foreach r in array array['product_owner', 'catalog_fn', 'inventory_fn', 'events_fn']
    loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin', r);
        end if;
    end loop;
    if not pg_has_role(current_user, 'product_owner', 'member') then
        execute format('grant product_owner to %I', current_user);
    end if;
    execute format('revoke all on database %I from public', current_database());
    execute format('grant create, connect, temporary on database %I to product_owner', current_database());
    execute format('grant connect on database %I to catalog_fn, inventory_fn, events_fn', current_database());
end
$$;

create extension if not exists btree_gist;

create extension if not exists pg_trgm;

create extension if not exists unaccent;

create schema if not exists migration authorization product_owner;
