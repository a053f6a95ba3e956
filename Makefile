# The two commands of a newcomer: `make demo` and `make test`. All the work is in xtask; this only names the cache.
# Options go through ARGS: `make demo ARGS=--once`, `make test ARGS='--only tidy'`.

LIGHTBOX_CACHE ?= $(HOME)/.cache/lightbox
export LIGHTBOX_CACHE
ifndef CARGO_TARGET_DIR
CARGO_TARGET_DIR := $(shell LIGHTBOX_CACHE='$(LIGHTBOX_CACHE)' setup/target.sh)
ifeq ($(CARGO_TARGET_DIR),)
$(error setup/target.sh names no folder for what cargo builds)
endif
endif
export CARGO_TARGET_DIR

.PHONY: help demo test tidy bench setup apps
help:
	@cargo xtask --help

demo test tidy bench setup apps:
	@cargo xtask $@ $(ARGS)
