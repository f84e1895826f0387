package postgres

// Planning is how PostgreSQL plans the statements of a pool, by its settings.
type Planning map[string]string

// ByIndex is for those that look rows up by their keys and nothing else: by
// index, with one plan for all arguments, in one process. PostgreSQL keeps the
// plan of a prepared statement, and one that it made while a table was empty
// would read all of what is there by now; where most rows are of one SKU, it
// would rather read them all than look up a few of others. And where it expects
// to plan better for the arguments at hand, it spends more on that, each time,
// than the statement takes. What is joined has to be named by its keys as well:
// for few rows reading the whole index is as good.
var ByIndex = Planning{
	"enable_seqscan":                  "off",
	"plan_cache_mode":                 "force_generic_plan",
	"max_parallel_workers_per_gather": "0",
}

// Whole goes before a statement that reads whole tables, in one batch or
// transaction with it, where all else is ByIndex.
const Whole = `
	select
		set_config('enable_seqscan', 'on', true),
		set_config('max_parallel_workers_per_gather', '2', true)`
