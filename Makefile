# All that one does here: make help
.POSIX:
.SUFFIXES:

BIN = .venv/bin
# Node and a network look-up for newer versions are none of a type check's business.
PYRIGHT = PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
# Whole farms run below the suite, on hosts that stand still at times: what fails is run once more, and shown with its
# first failure. Of a handful only: a fault that strikes at random must not hide among them.
AGAIN = --reruns 1 --max-suite-reruns 4 --rerun-show-tracebacks

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

setup: ## make .venv from the lock files; does nothing when it stands
	@tools/setup

demo: setup ## four boards (twins): power on, boot, provision, deploy, infer, measure, judge
	@tools/demo

demo-fail: setup ## its gate with a release that must be refused: too slow, too hungry
	@tools/demo-fail

test: setup ## the suite, on two cores in seven to eight minutes
	-@$(BIN)/python -m compileall -q -j 0 farm devices power # else every process that tests start compiles them anew
	-@for part in tests/farm "tests/power tests/devices"; do \
		env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -q --collect-only $$part >/dev/null 2>&1 & \
	done; wait # likewise each of the eight processes below every test: its assertions, too, are compiled once
	$(BIN)/pytest -n 7 --dist worksteal --durations 5 $(AGAIN)

images: setup ## what QEMU twins boot, made of Debian packages; does nothing when it stands
	tools/twin-images

test-system: setup ## against what only some machines have: an OpenSSH server, a Chromium, QEMU and `make images`
	$(BIN)/pytest tests/system -v -rs -n 3 --dist loadfile --no-loadscope-reorder --durations 8 $(AGAIN)

check: setup ## format, lint, types, import arrows, and the Python of the boards
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(PYRIGHT)
	$(BIN)/lint-imports
	$(BIN)/vermin --no-tips --violations --target=3.5- farm/runner farm/artifact/deploy/on_board farm/trial/state/helper.py

bench: setup bench-clock bench-compare bench-console bench-deploy bench-energy bench-gate bench-leases bench-onboard bench-predict bench-sampling bench-ssh bench-tui ## what the farm promises of itself, measured; some fifteen minutes

bench-clock: setup ## how well a board's time is known, against clocks whose truth is known; two minutes
	$(BIN)/python -m benchmarks.clock

bench-compare: setup ## how often a comparison of variants is wrong, and how many rounds it saves; two minutes
	$(BIN)/python -m benchmarks.compare

bench-console: setup ## the serial console beside labgrid's, on one line in one run; fetches labgrid; eight minutes
	$(BIN)/python -m benchmarks.console

bench-deploy: setup ## 64 MiB to a board beside ssh, scp, rsync and labgrid; what changed over a slow link; fetches labgrid; two minutes
	$(BIN)/python -m benchmarks.deploy

bench-energy: setup ## the farm's joules against the twins' own truth, and the stated ± against formulas; then broken on purpose
	$(BIN)/python -m benchmarks.energy
	$(BIN)/python -m benchmarks.energy.coverage
	@for term in range clock rhythm; do \
	    status=0; $(BIN)/python -m benchmarks.energy.coverage --without $$term || status=$$?; \
	    if [ $$status -ne 1 ]; then echo "bench: a missing $$term went unseen (exit $$status)"; exit 1; fi; \
	    echo "bench: a missing $$term is seen"; \
	done
	@for part in gain clock block; do \
	    echo "== with a broken $$part"; \
	    status=0; $(BIN)/python -m benchmarks.energy --break $$part || status=$$?; \
	    if [ $$status -ne 1 ]; then echo "bench: a broken $$part went unseen (exit $$status)"; exit 1; fi; \
	    echo "bench: a broken $$part is seen"; \
	done

bench-gate: setup ## how often a gate is wrong: thousands of simulated ones on noise that is known
	$(BIN)/python -m benchmarks.gate

bench-leases: setup ## 200 processes and four boards: never two holders, nobody starves, nothing is left
	$(BIN)/python -m benchmarks.leases

bench-onboard: setup ## what reading its own sensors costs a board; half a minute
	$(BIN)/python -m benchmarks.onboard

bench-predict: setup ## predictions at a whole core, half of one and a quarter; half a minute
	$(BIN)/python -m benchmarks.predict

bench-sampling: setup ## 73 meters in one process: what is lost, and what it costs; a minute
	$(BIN)/python -m benchmarks.sampling

bench-ssh: setup ## commands over OpenSSH beside labgrid's, in one run
	$(BIN)/python -m benchmarks.ssh

bench-tui: setup ## from key to screen with 256 boards, 64 of them deaf
	$(BIN)/python -m benchmarks.tui

screenshots: setup ## the pictures in docs/, from a lab of twins; needs a Chromium
	$(BIN)/python tools/screenshots

lock: ## resolve requirements*.lock anew (needs uv)
	tools/lock

.PHONY: help setup demo demo-fail images test test-system check bench bench-clock bench-compare bench-console bench-deploy bench-energy bench-gate bench-leases bench-onboard bench-predict bench-sampling bench-ssh bench-tui screenshots lock
