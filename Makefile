# make help lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The local stack's program; the Go command rebuilds it only when it changed.
# Paths reach the shell by the environment, so that they may have spaces.
LOCAL_DIR ?= .local
export LOCAL_DIR
local = go build -o "$$LOCAL_DIR/bin/local" ./knative/local && exec "$$LOCAL_DIR/bin/local"

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: go-there
go-there:
	@command -v go >/dev/null || { echo "error: the go command is missing; it comes from https://go.dev/dl" >&2; exit 1; }

# ---- the stack on this machine

.PHONY: run stop clean token psql migrate
run: go-there ## start everything on this machine (Ctrl-C stops it, data stays)
	@$(local) run
stop: go-there ## stop a stack that runs in the background
	@$(local) stop
clean: go-there ## stop it and remove all it made, data included
	@$(local) clean
token: go-there ## print a token: make -s token SCOPE='catalog:write inventory:write' [SUBJECT=…]
	@$(local) token -scope '$(SCOPE)' -subject '$(SUBJECT)'
psql: go-there ## open psql on the database, as its owner
	@$(local) psql
migrate: go-there ## bring the database to this schema (running stack, or DATABASE_URL)
	@$(local) migrate

# ---- data and story, against a running stack

tools = go build -o "$$LOCAL_DIR/bin/tools" ./knative/tools && exec "$$LOCAL_DIR/bin/tools"

.PHONY: import replay replay-scarce demo
import: go-there ## load a folder of NDJSON files, or products as CSV: make import DIR=knative/local/sample
	@$(tools) import '$(DIR)'
replay: go-there ## send orders and prove the books: make replay ORDERS=… [STOCK=n] [CONCURRENCY=n]
	@$(tools) replay -stock '$(or $(STOCK),1000)' -concurrency '$(or $(CONCURRENCY),32)' -limit '$(or $(LIMIT),0)' -pay '$(or $(PAY),0)' '$(ORDERS)'
replay-scarce: go-there ## send orders for too little stock to four instances of inventory, twice, on a stack of its own: make replay-scarce ORDERS=…
	@ORDERS='$(ORDERS)' tools/replay-scarce
demo: go-there ## tell the whole story, each request and event with its answer
	@$(tools) demo

# ---- checks

# One package: make test PKG=./shared/web RUN=TestName
PKG ?= ./...
RUN ?= .

.PHONY: test verify check-format vet lint faults race generate check-generated check-openapi check-asyncapi supply
test: go-there ## run all tests on a throw-away PostgreSQL: make test [PKG=./shared/web] [RUN=TestName]
	@$(local) with-postgres -- go test -run '$(RUN)' $(PKG)
verify: go-there ## all that CI does: the tests and every check, each with its time
	@bash .ci/run
check-format: go-there
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); test -z "$$files" || { echo "run gofmt -w on:"; echo "$$files"; exit 1; }
vet: go-there
	@go vet ./...
lint: go-there
	@mkdir -p "$$LOCAL_DIR/bin" && bin=$$(cd "$$LOCAL_DIR/bin" && pwd) && \
	echo "building golangci-lint (the first time downloads its modules)" && \
	go build -C tools -o "$$bin/golangci-lint" github.com/golangci/golangci-lint/v2/cmd/golangci-lint && \
	"$$bin/golangci-lint" run ./...
TIMES ?= 1
faults: go-there ## kill, cut, stall and fill up everything and prove that nothing is lost: make faults [TIMES=5] [RUN=TestName]
	@FAULTS='$(TIMES)' go test -C knative/local/faults -count=1 -timeout 60m -run '$(RUN)'
# What serves concurrent callers; of catalog, whose tests would take as long as all
# others, those in which several do something at once.
RACE ?= ./functions/inventory/... ./functions/events/... ./functions/catalog/internal/... ./shared/... ./knative/local/broker/... ./knative/local/history/...
race: go-there
	@$(local) with-postgres -- bash -c 'go test -race -short $(RACE) && \
		go test -race -short -run "AtOnce|Concurrent|While|Meanwhile|Stream|Import|Twice|Many" ./functions/catalog'
CHECKS ?= 2000
.PHONY: model
model: go-there ## hold inventory against books kept by hand, thousands of random sequences long: make model [CHECKS=5000]
	@$(local) with-postgres -- go test -count=1 -v -timeout 0 -run TestAnySequenceOfOperationsKeepsTheBooks \
		./functions/inventory/internal/reservation -rapid.checks='$(CHECKS)' -rapid.steps=50
FUZZTIME ?= 2s
.PHONY: fuzz
fuzz: go-there ## feed every decoder what nobody expects: make fuzz [FUZZTIME=1m]
	@tools/fuzz '$(FUZZTIME)'
generate: go-there ## write docs/ anew from the code
	@go run ./docs
check-generated: go-there
	@sums() { find docs -type f ! -name '*.go' -exec cksum {} + | sort; }; before=$$(sums); \
	$(MAKE) --no-print-directory generate && test "$$before" = "$$(sums)" || \
	{ echo "error: docs/ were not what the code says, or could not be written; commit what make generate has written"; exit 1; }
check-openapi: go-there ## whether a stranger can work with docs/openapi: a linter, and a TypeScript client where Node is
	@tools/openapi
check-asyncapi: go-there ## whether a stranger can work with our events: AsyncAPI's parser, and the JavaScript SDK of CloudEvents, where Node is
	@$(local) with-postgres -- tools/asyncapi
supply: go-there ## what we take and hand on: go.sum, known vulnerabilities, same bytes from every build
	@tools/supply

# ---- the chart

.PHONY: manifests check-manifests check-chart
manifests: go-there ## write knative/*.yaml and the table of helm/README.md anew from the chart
	@go run -C tools/chart ./manifests -chart ../../helm -out ../../knative
check-manifests: go-there
	@sums() { cksum knative/*.yaml helm/README.md; }; before=$$(sums); $(MAKE) --no-print-directory manifests && test "$$before" = "$$(sums)" || \
	{ echo "error: knative/*.yaml or helm/README.md were not what the chart says; commit what make manifests has written"; exit 1; }
check-chart: go-there ## the chart in every mode: lint, schemas, the platform's rules
	@tools/check-chart
	@tools/check-policies --there
.PHONY: check-policies
check-policies: go-there ## the chart's policies by Kyverno itself, which is built once, in up to twenty minutes
	@tools/check-policies

# ---- figures

PAIRS ?= 15

.PHONY: bench bench-cold bench-catalog bench-import bench-inventory bench-events
bench: bench-cold bench-catalog bench-import bench-inventory bench-events ## measure all that is measured
bench-cold: go-there ## cold start, memory and size of each function beside a bare program: make bench-cold [PAIRS=15]
	@go build -o "$$LOCAL_DIR/bin/cold" ./bench/cold
	@$(local) with-postgres -- "$$LOCAL_DIR/bin/cold" -pairs '$(PAIRS)'
bench-import: go-there ## the rate of an import of new products, and the CPU time of each
	@$(local) with-postgres -- go test -run '^$$' -bench Import -benchtime 1x ./functions/catalog
SIZES ?= 20000
bench-catalog: go-there ## import, products, category pages and search beside a bare program: make bench-catalog [SIZES=20000,1000000] [KEEP=1]
	@go build -o "$$LOCAL_DIR/bin/bench-catalog" ./bench/catalog
	@$(local) with-postgres -large -- "$$LOCAL_DIR/bin/bench-catalog" -sizes '$(SIZES)' $(if $(KEEP),-keep)
ROUNDS ?= 5
bench-inventory: go-there ## orders as CloudEvents, hot, sold out and alone, and availability, beside pgbench: make bench-inventory [ROUNDS=5] [ONLY=hot]
	@go build -o "$$LOCAL_DIR/bin/bench-inventory" ./bench/inventory
	@$(local) with-postgres -large -durable -- "$$LOCAL_DIR/bin/bench-inventory" -rounds '$(ROUNDS)' -only '$(ONLY)'
bench-events: go-there ## interactions accepted beside a bare handler, the outbox drained beside pgbench that claims and deletes, memory meanwhile: make bench-events [ROUNDS=5] [ONLY=drain]
	@go build -o "$$LOCAL_DIR/bin/bench-events" ./bench/events
	@$(local) with-postgres -large -durable -- "$$LOCAL_DIR/bin/bench-events" -rounds '$(ROUNDS)' -only '$(ONLY)'
