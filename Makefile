# `make` lists the targets. Everything that the hosted checks run is a target here, so that nothing works only there.

# One build folder for all clones and checks; it survives a fresh clone.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kube-hipaa/target
export CARGO_TERM_COLOR ?= $(if $(CI),never,auto)

CARGO ?= cargo
# Where the reports lie that are opened in a browser.
DOCUMENTS := $(CARGO_TARGET_DIR)/documents

.DEFAULT_GOAL := help
.PHONY: help setup fmt lint deny unit live live-versions documents bench demo-snapshot docs test clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what the checks need; safe to repeat (first time about 10 minutes, then seconds)
	@scripts/setup.sh

fmt: ## Format the Rust sources
	$(CARGO) fmt

lint: ## Formatting, clippy and rustdoc, all with warnings denied
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

deny: ## Licences, duplicate and banned crates, sources of the dependencies
	@scripts/deny.sh check bans licenses sources

unit: ## Tests that need nothing but Rust, sh, zip and unzip
	$(CARGO) test --locked --no-fail-fast

live: ## Tests against a real control plane and against Kubernetes' own code
	@scripts/live.sh

# Versions that `make live-versions` starts.
VERSIONS ?= v1.31.14 v1.37.2

live-versions: ## Tests against the oldest and the newest supported Kubernetes; VERSIONS="v1.33.13" names others
	@scripts/live-versions.sh $(VERSIONS)

documents: ## Open the reports in a headless browser: accessibility, HTML, no script, no network, print
	@scripts/documents.sh "$(DOCUMENTS)"

# Numbers of pods that `make bench` measures at, such as PODS="500 2000 5000 20000".
PODS ?= 5000

bench: ## Measure speed and memory on a real API server with 5000 pods; PODS="500 2000" names other sizes
	@scripts/bench.sh $(PODS)

demo-snapshot: ## Record the snapshot that `kube-hipaa demo` shows from a real control plane
	@scripts/demo-snapshot.sh

docs: ## Write the generated pages in docs/ and deploy/ again
	UPDATE_DOCS=1 $(CARGO) test --locked --test it docs::
	UPDATE_DOCS=1 $(CARGO) test --locked --test it chart::the_plain_manifests_are_those_of_the_chart -- --ignored

test: ## Everything; ends with one line such as `123 passed, 0 failed`
	@scripts/test.sh

clean: ## Remove the build folder and what the checks left in the source folder
	$(CARGO) clean
	rm -rf tests/documents/node_modules kube-hipaa-demo
