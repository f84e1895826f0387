-- +goose Up

-- What ranking knows of a product, narrow, so that thousands of them are read
-- in milliseconds: the words of its name, brand and kind, stemmed and marked by
-- the function (functions/catalog/internal/search/title.go).
create table catalog.search_names (
    product_id    uuid primary key,
    title         text not null,
    -- The beginning of the name, and the brand, in lower case without accents,
    -- for those who are typing them.
    name_key      text not null,
    brand         text,
    brand_key     text,
    visible_from  timestamptz,
    visible_until timestamptz
);

-- Every word with the marks that candidates are told by. Statistics of words
-- would cost much, and searches read by the index anyhow.
create index search_names_words on catalog.search_names
    using gin (array_to_tsvector(string_to_array(translate(title, '*+@', '^'), ' '))) with (gin_pending_list_limit = 512);

alter index catalog.search_names_words alter column 1 set statistics 0;

alter table catalog.search_names alter column title set statistics 0;

alter table catalog.search_documents
    alter column words set statistics 0,
    alter column codes set statistics 0;

create index search_names_beginning on catalog.search_names (name_key text_pattern_ops, product_id);

create index search_names_brand on catalog.search_names (brand_key text_pattern_ops) where brand_key is not null;

create index words_beginning on catalog.words (word text_pattern_ops);

grant select, insert, update, delete on catalog.search_names to catalog_fn;

-- Of all tables, and all lists of entries that wait to be sorted in: a table
-- that is left out costs more than it saves.
-- +goose StatementBegin
create or replace function catalog.refresh_statistics() returns void
    language plpgsql
    security definer
    set search_path = pg_catalog
as $$
declare
    name text;
begin
    -- One at a time; whoever comes second is served by the first.
    if not pg_try_advisory_xact_lock(hashtext('catalog.refresh_statistics')) then
        return;
    end if;
    for name in
        select c.oid::regclass::text
        from pg_class c
        where c.relnamespace = 'catalog'::regnamespace
            and c.relkind = 'r'
        order by 1
    loop
        execute 'analyze ' || name;
    end loop;
    perform gin_clean_pending_list(i.indexrelid::regclass)
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_am a on a.oid = c.relam
    where c.relnamespace = 'catalog'::regnamespace
        and a.amname = 'gin';
end
$$;
-- +goose StatementEnd

-- Until a product is written again it is found by what PostgreSQL makes of its
-- name, brand and type: whole words, without compounds and units.
-- backfill begins
insert into catalog.search_names (product_id, title, name_key, brand, brand_key, visible_from, visible_until)
select
    p.id,
    concat_ws(' ',
        (select string_agg(w.lexeme, ' ' order by w.positions[1])
            from unnest(to_tsvector('catalog.english', p.name)) w
            where w.lexeme !~ '[\s^+~@*]'),
        (select string_agg('@' || w.lexeme, ' ')
            from unnest(to_tsvector('catalog.english', p.brand)) w
            where w.lexeme !~ '[\s^+~@*]'),
        (select string_agg('*' || w.lexeme, ' ')
            from unnest(to_tsvector('catalog.english', p.attributes ->> 'product_type')) w
            where w.lexeme !~ '[\s^+~@*]')),
    left(lower(public.unaccent(p.name)), 100),
    p.brand,
    left(lower(public.unaccent(p.brand)), 100),
    p.publish_at,
    p.unpublish_at
from catalog.products p
join catalog.search_documents d on d.product_id = p.id;
-- backfill ends

-- +goose Down
-- refresh_statistics stays: it serves whatever tables there are.
drop index catalog.words_beginning;

alter table catalog.search_documents
    alter column words set statistics -1,
    alter column codes set statistics -1;

drop table catalog.search_names;
