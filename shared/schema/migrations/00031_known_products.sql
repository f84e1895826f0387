-- +goose Up

-- What events asks for each interaction: does the catalog have it. The views
-- catalog.offers and catalog.product_documents could tell as well, but judge
-- times when they are read, so that PostgreSQL works out prices and whole
-- documents that nobody wants.
create view catalog.known_products as
select p.id as product_id
from catalog.products p;

create view catalog.known_skus as
select v.sku, v.product_id
from catalog.variants v;

grant select on catalog.known_products, catalog.known_skus to events_fn;

-- +goose Down
drop view catalog.known_skus;

drop view catalog.known_products;
