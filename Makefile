# Everything on a fresh machine with Python >= 3.11: `make run`, `make test`. Nothing else is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := .venv-clients
PEER_LITELLM := .venv-bench-litellm
PEER_PORTKEY := .bench-portkey

.PHONY: run test check faults bench bench-peers lock clean

run: $(VENV)/.run
	@$(BIN)/atelier run

test: check $(CLIENTS)/.done
	$(BIN)/pytest -q

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

faults: $(VENV)/.dev
	$(BIN)/pytest -q -s -m faults -o addopts='--import-mode=importlib --strict-markers' tests/faults tests/deploy

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# Other gateways that `make bench` measures beside ours, each in a folder of its own. Portkey needs node and npm.
bench-peers: $(PEER_LITELLM)/.done $(PEER_PORTKEY)/.done

$(PEER_LITELLM)/.done: benchmarks/peer_locks/litellm.lock
	$(PYTHON) -m venv $(PEER_LITELLM)
	$(PEER_LITELLM)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(PEER_PORTKEY)/.done: benchmarks/peer_locks/portkey/package-lock.json benchmarks/peer_locks/portkey/package.json
	mkdir -p $(PEER_PORTKEY)
	cp $^ $(PEER_PORTKEY)
	npm ci --prefix $(PEER_PORTKEY) --ignore-scripts --no-audit --no-fund
	@touch $@

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing (once; about a minute) ..."
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# The newest client packages, as users have them: they do not fit beside LiteLLM's own pins.
$(CLIENTS)/.done: tests/clients/requirements.lock
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/pip install -q --disable-pip-version-check --require-hashes -r tests/clients/requirements.lock
	@touch $@

lock:
	uv pip compile pyproject.toml --extra dashboard --extra build --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links -q --custom-compile-command "make lock" -o requirements.lock
	uv pip compile pyproject.toml --all-extras -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links -q --custom-compile-command "make lock" -o requirements-dev.lock
	uv pip compile pyproject.toml --extra otel -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links -q --custom-compile-command "make lock" -o deploy/gateway.lock
	for part in dashboard build; do \
	  uv pip compile deploy/$$part.in -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links -q --custom-compile-command "make lock" -o deploy/$$part.lock || exit 1; \
	done
	uv pip compile tests/clients/requirements.in --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links -q --custom-compile-command "make lock" -o tests/clients/requirements.lock
	uv pip compile benchmarks/peer_locks/litellm.in --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links -q --custom-compile-command "make lock" -o benchmarks/peer_locks/litellm.lock

clean:
	rm -rf $(VENV) $(CLIENTS) $(PEER_LITELLM) $(PEER_PORTKEY) data .pytest_cache .mypy_cache .ruff_cache .hypothesis
