# Everything lives in .venv and var/. PORT, HOST and PYTHON are honoured.

PYTHON_BIN := .venv/bin
LANGUAGES := --locale ar --locale de --locale es --locale fr
IGNORED := --ignore .venv --ignore var --ignore tests --ignore build
PACKAGES := config accounts policy notifications writeback reset tests

.PHONY: run run-hybrid test lint bench bench-writeback messages development

run: # web and worker on this machine, with a demo organisation
	@deploy/prepare requirements.lock && exec $(PYTHON_BIN)/python -m config.embedded

run-hybrid: # the same, with a private Active Directory beside it that an agent connects; needs root
	@deploy/prepare requirements.lock && deploy/samba && deploy/prepare requirements-ldap.lock && $(PYTHON_BIN)/python -m tests.hybrid

development: # what the targets below need besides
	@deploy/prepare requirements-dev.lock && deploy/prepare requirements-ldap.lock optional

test: development # the whole suite, with the servers it needs
	@$(PYTHON_BIN)/python -m tests.run

bench: development # the figures, side by side with Django's own reset
	@$(PYTHON_BIN)/python tests/bench/run.py

bench-writeback: development # what writing into directories costs, beside the directories alone (needs root, for Samba)
	@$(PYTHON_BIN)/python tests/bench/run_writeback.py

messages: development # collect the texts to translate, compile the translations (both are committed); needs gettext
	REKEY_PROFILE=embedded $(PYTHON_BIN)/python manage.py makemessages $(LANGUAGES) $(IGNORED) --no-wrap --add-location file
	REKEY_PROFILE=embedded $(PYTHON_BIN)/python manage.py compilemessages --ignore .venv

lint: development
	$(PYTHON_BIN)/ruff check .
	$(PYTHON_BIN)/ruff format --check .
	$(PYTHON_BIN)/mypy --strict $(PACKAGES)
	$(PYTHON_BIN)/lint-imports
	$(PYTHON_BIN)/python -m tests.lint
