# The gate. `make test` needs a machine with Go, Debian or Ubuntu, and nothing else: it installs
# what the tests use.

# Counted in executions, not in seconds: at the end of a time, go before 1.27 can call a target failed that is not
# (golang.org/issue/75804).
FUZZTIME ?= 300000x

.PHONY: help test lint prove bench fuzz fmt

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## build, vet and run every test, with real servers where they can be had
	@scripts/test

lint: ## run the linters and check that go.mod is tidy
	@scripts/lint

prove: ## run the long form of every proof and print its figures
	@scripts/prove

bench: ## measure against mbsync and raw sockets, and write docs/performance.md
	@scripts/bench

fuzz: ## run each fuzz target for FUZZTIME (300000x: so many executions)
	@scripts/fuzz $(FUZZTIME)

fmt: ## format the code
	@scripts/lint --install-only
	bin/golangci-lint fmt
