# Few verbs; `make help` lists them. Each installs what it needs (scripts/bootstrap.sh).

# Real test files, where this machine has them: those tests skip themselves aloud elsewhere.
REELMESH_MEDIA ?= $(abspath ../shared/media)
export REELMESH_MEDIA
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint doc

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## transcode 30 s of real footage into demo/ (ARGS="--workers 1" goes to reelmesh)
	@scripts/bootstrap.sh demo
	cargo build --locked --release --bin reelmesh
	@scripts/demo.sh $(ARGS)

test: ## all tests (FULL=1: the long ones too, on the demo's clip)
	@scripts/bootstrap.sh
	@scripts/test.sh $(if $(FULL),--full)

bench: ## compare with ffmpeg, into docs/BENCHMARKS.md (FULL=1: more presets and memory)
	@scripts/bootstrap.sh demo bench
	cargo build --locked --release --bin reelmesh
	@benches/bench.py $(if $(FULL),--full) $(ARGS)

lint: ## formatting, clippy, licences and advisories
	@scripts/bootstrap.sh $(if $(DENY_IF_INSTALLED),base,lint)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	@scripts/deny.sh

doc: ## the crates' documentation, in target/doc
	@scripts/bootstrap.sh base
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps --document-private-items
