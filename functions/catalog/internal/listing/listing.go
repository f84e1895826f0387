// Package listing is the read model that listings and facets answer from, and
// the engine that does. PostgreSQL keeps one row for each product that a
// visitor could be shown (pack.go, write.go), which is scanned by category
// (scan.go) or preselected by indexes (candidates.go, walk.go); what matches, what it costs and what is counted is
// decided here, by one function (judge.go), whichever way a product was found.
// It owns catalog.listed_products, catalog.listed_categories,
// catalog.listed_counts, catalog.listed_prices and catalog.terms, and what the
// release before listed from: catalog.listings and catalog.listing_prices, which
// nothing writes now.
package listing
