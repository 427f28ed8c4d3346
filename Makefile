# make app   sets up on first use, then serves the dashboard on http://localhost:8501
# make test  sets up with the test tools and a browser, then runs everything

PYTHON ?= python3
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin

.PHONY: app test lint screenshots clean

# A stamp newer than the pins means that what they name is installed, and the command dvgs.
$(VENV)/.app: requirements.txt pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt --editable .
	touch $@

$(VENV)/.test: requirements-test.txt requirements.txt pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-test.txt --editable .
	touch $@ $(VENV)/.app

app: $(VENV)/.app
	$(BIN)/python -m dvgs_core app --port $(PORT)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(VENV)/.test lint
	./tests/install_browser.sh
	$(BIN)/python -m pytest --durations=15

screenshots: $(VENV)/.test
	./tests/install_browser.sh
	$(BIN)/python -m docs.screenshots

clean:
	rm -rf $(VENV)
