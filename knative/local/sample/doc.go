// Package sample holds the catalog that the local stack starts with: a made-up
// marketplace of about 200 products, in the import format. Brands, people and
// titles are invented; the GTINs have valid check digits and lie in a range
// (29…) that is never given to a company.
package sample
