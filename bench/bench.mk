# `make bench` (a quick selection, a table, minutes), `make bench-full`, `make bench-report`, `make bench-instructions`,
# `make bench-traces`, `make bench-readme`, `make bench-memlab`.
#
#   BENCH_FLAGS='--filter ring --repetitions 21'   are handed to the program; --help prints them
#   BENCH_OUT=file.json                            where the figures go
#
# bench links the static library as a user would. jemalloc stands in the same process under the prefix jem_: its archive
# is copied into the build tree with all of its public names changed.

BENCH       := $(O)/bench/bench
BENCH_FLAGS ?=
BENCH_OUT   ?= $(O)/bench/results.json
JEMALLOC     = $(shell $(CC) -print-file-name=libjemalloc_pic.a)
bench_objects := $(call objects,bench) $(call object,bench,shim)

dirs_bench := bench $(GC) $(DUMP) heapdump/graph/include
$(eval $(call component,bench))
$(bench_objects): | need-bench

$(call object,bench,%): bench/%.cc $(CONFIG)
	@mkdir -p $(@D)
	$(if $(V),,@echo 'CXX   $<')
	$(Q)$(CXX) -std=c++17 -Wall -Wextra -Wshadow $(if $(STRICT),-Werror) -pthread $(MODE_$(MODE)) -Ibench -MMD -MP -c -o $@ $<

# Public names are those that do not begin with je_, which jemalloc's internals bear. The C++ operators are dropped.
$(O)/bench/libjem.a: | need-bench
	@mkdir -p $(@D)
	@nm -g --defined-only $(JEMALLOC) | awk 'NF == 3 && $$3 !~ /^(je_|_Z|DW\.)/ { print $$3 " jem_" $$3 }' | sort -u > $@.names
	$(if $(V),,@echo 'COPY  $@')
	$(Q)cp $(JEMALLOC) $@.tmp && chmod u+w $@.tmp && ar d $@.tmp jemalloc_cpp.pic.o && \
	  objcopy --redefine-syms=$@.names $@.tmp && mv $@.tmp $@

$(BENCH): $(bench_objects) $(O)/libmidden.a $(O)/libviewer.a $(O)/bench/libjem.a
	@mkdir -p $(@D)
	$(if $(V),,@echo 'LINK  $@')
	$(Q)$(CXX) $(LD) -o $@ $^ -lbenchmark $(libs_viewer) -ldl -lm

# Heap workloads for other runtimes (runtimes.c), compiled where their compilers are; without them their subjects are left out.
JAVAC    := $(shell command -v javac 2>/dev/null)
OCAMLOPT := $(shell command -v ocamlopt 2>/dev/null)
bench_runtimes := $(if $(JAVAC),$(O)/bench/java/Lib.class) $(if $(OCAMLOPT),$(O)/bench/ocaml/made)

$(O)/bench/java/Lib.class: $(wildcard bench/java/*.java)
	@mkdir -p $(@D)
	$(if $(V),,@echo 'JAVAC bench/java')
	$(Q)$(JAVAC) -d $(@D) $^

$(O)/bench/ocaml/made: $(wildcard bench/ocaml/*.ml)
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	$(if $(V),,@echo 'OCAML bench/ocaml')
	$(Q)cd $(@D) && $(OCAMLOPT) -w -a -I +unix -c lib.ml && for f in $(filter-out lib,$(notdir $(basename $^))); do \
	  $(OCAMLOPT) -w -a -I +unix unix.cmxa lib.cmx $$f.ml -o $$f || exit 1; done && touch $(@F)

.PHONY: need-bench bench bench-full bench-program
need-bench:
	@echo '#include <benchmark/benchmark.h>' | $(CXX) -x c++ -fsyntax-only - 2>/dev/null && [ -f '$(JEMALLOC)' ] || \
	  { echo 'the benchmarks need the packages g++, libbenchmark-dev and libjemalloc-dev: run `make deps`' >&2; exit 2; }
	@[ '$(MODE)' = opt ] || { echo 'the benchmarks measure MODE=opt, not $(MODE)' >&2; exit 2; }

bench-program: $(BENCH)

.PHONY: bench-runtimes
bench-runtimes: $(bench_runtimes)
bench bench-full: $(bench_runtimes)
bench_run = $(BENCH) --commit '$(shell git rev-parse --short HEAD 2>/dev/null)' --json $(BENCH_OUT) $(BENCH_FLAGS)
bench: $(BENCH)
	@$(bench_run)
	@bench/table $(BENCH_OUT)
bench-full: $(BENCH) bench-traces
	@$(bench_run) --full --repetitions 15 --min-time 0.1
	@bench/table $(BENCH_OUT)

# A run as a page of its own; and the kept runs as tables and pictures of bench/README.md.
.PHONY: bench-report bench-readme
bench-report:
	@bench/report --html $(O)/bench/report.html $(BENCH_OUT)
	@echo '$(O)/bench/report.html'
bench-readme:
	@bench/report --readme bench/README.md --figures bench/results $(sort $(wildcard bench/results/*.json))

# Traces of real programs: trace/programs.sh records what is installed of them once, and they are played as pool/trace-NAME from then on.
RECORD := $(abspath $(O))/bench/record.so
TRACES := $(O)/bench/traces

$(RECORD): bench/trace/record.c bench/trace/trace.h
	@mkdir -p $(@D)
	$(if $(V),,@echo 'LINK  $(O)/bench/record.so')
	$(Q)$(CC) $(C17) -shared -o $@ $<

.PHONY: bench-traces bench-record
bench-record: $(RECORD)
bench-traces: $(BENCH) $(RECORD)
	@bench/trace/programs.sh $(RECORD) $(TRACES) '$(firstword $(CC))'

# Instructions an operation, counted by callgrind: the same on every machine with the same compiler. A library that knows
# valgrind tells it of every buffer and keeps no caches then: what is counted is built without it.
# `make bench-gate` is CI's: what the fast paths may take stands in instructions.limits. GATE=--set writes it anew.
.PHONY: bench-instructions bench-gate
bench-gate:
	@$(MAKE) --no-print-directory -s BUILD=$(BUILD)/plain WITH_VALGRIND=0 bench-program
	@bench/gate $(GATE) $(BUILD)/plain/opt/bench/bench bench/instructions.limits
bench-instructions:
	@$(MAKE) --no-print-directory -s BUILD=$(BUILD)/plain WITH_VALGRIND=0 bench-program
	@bench/instructions $(BUILD)/plain/opt/bench/bench

# memlab's reader of snapshots, by npm and only when asked for: from then on dump/read-* has a subject more.
MEMLAB := $(O)/bench/memlab
.PHONY: bench-memlab
bench-memlab: $(MEMLAB)/installed
$(MEMLAB)/installed: bench/memlab/package.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo 'memlab needs node and npm' >&2; exit 2; }
	@mkdir -p $(MEMLAB) && cp $< $(MEMLAB)
	$(if $(V),,@echo 'NPM   $(MEMLAB)')
	$(Q)cd $(MEMLAB) && npm install --ignore-scripts --no-audit --no-fund >npm.log 2>&1 || \
	  { echo 'npm could not install memlab: see $(MEMLAB)/npm.log' >&2; exit 2; }
	@touch $@
