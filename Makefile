# Everything a person does with the project. `make help` lists the targets.
SWIFT ?= swift
LAB ?= examples/shop
KUBECTL_1_20 := .build/peers/kubectl-1.20/kubectl

.DEFAULT_GOAL := help
.PHONY: help up down build test combinations bench lint format fuzz clean

help: ## what each target does
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: build ## build, then stand up the lab of examples/shop (LAB=path for other manifests)
	.build/release/swiftlet lab up $(LAB)

down: ## take the lab down and leave nothing of it behind
	@if [ -x .build/release/swiftlet ]; then .build/release/swiftlet lab down; else echo "nothing is built, so no lab of this checkout can be running"; fi

build: ## install the packages the build needs and build in release mode
	@scripts/install-packages build
	$(SWIFT) build -c release --product swiftlet
	$(SWIFT) build -c release --product swiftlet-cni
	$(SWIFT) build -c release --product swiftlet-pause

test: ## install what the tests need, build, and run all tests (root)
	@scripts/install-packages build test
	@scripts/fetch-kubectl $(KUBECTL_1_20)
	@scripts/fetch-python-client .build/peers/python-kubernetes
	@scripts/fetch-python-client .build/peers/python-kubernetes-22.6.0 22.6.0
	$(SWIFT) build --build-tests
	KUBECTL=$(abspath $(KUBECTL_1_20)) scripts/run-tests

combinations: build ## every combination of routing, wiring, families and underlay; writes docs/combinations.md (root, a quarter of an hour)
	@scripts/install-packages test
	scripts/lab-combinations --jobs 2

bench: build ## measure, beside peers in the same run (root); figures are kept in docs/benchmarks.md
	@scripts/install-packages test
	bench/run

lint: ## formatting and style, without changing anything
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Fuzz
	@scripts/check-houserules

format: ## format all sources in place
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Fuzz

fuzz: ## install what the build needs and fuzz every parser of foreign bytes for a while (SECONDS_EACH=15)
	@scripts/install-packages build
	@scripts/fuzz $(or $(SECONDS_EACH),15)

clean: ## remove what builds made
	rm -rf .build .fuzz
