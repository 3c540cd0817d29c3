.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/ready

help: ## 列出命令 list the commands
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml requirements.txt
	@echo "安装到 .venv，约需一两分钟…… installing into .venv, a minute or two"
	@python3.11 -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --compile -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

setup: $(READY) ## 安装 install into .venv

refresh: $(READY) ## 载入 raw/ 并发布 load raw/ and publish a release
	$(BIN)/junheng refresh

test: $(READY) ## 运行全部测试 run all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

soak: $(READY) ## 随机改动，每次刷新与重建比较 random changes, a refresh held to a rebuild
	$(BIN)/python tests/soak.py $(SOAK)

lint: $(READY) ## 检查代码 ruff, ty, import-linter, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt/models dbt/tests

bench: $(READY) ## 测速 measure against a floor
	$(BIN)/python bench/run.py
	$(BIN)/python bench/read.py
	$(BIN)/python bench/page.py

.PHONY: help setup refresh test soak lint bench
