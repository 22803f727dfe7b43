# Programs that use the library as a stranger's would: they are compiled with the public headers alone.

CLIENT_INCLUDES := $(GC) $(DUMP)

$(O)/concordance: $(wildcard tests/clients/concordance/*.[ch]) $(O)/libmidden.a
	$(if $(V),,@echo 'LINK  $@')
	$(Q)$(CC) $(C17) $(addprefix -I,$(CLIENT_INCLUDES)) $(LD) -o $@ $(filter %.c %.a,$^)

# Its test, test_concordance.sh, runs it.
test-clients test: $(O)/concordance

# What users of a large runtime meet: SCENARIO="pauses 64 256 1024 1500". Its test, test_scenarios.sh, runs it.
$(O)/scenarios: $(wildcard tests/clients/scenarios/*.[ch]) $(O)/libmidden.a
	$(if $(V),,@echo 'LINK  $@')
	$(Q)$(CC) $(C17) $(addprefix -I,$(CLIENT_INCLUDES)) $(LD) -o $@ $(filter %.c %.a,$^)
test-clients test: $(O)/scenarios
.PHONY: scenarios
scenarios: $(O)/scenarios
	@$(O)/scenarios $(SCENARIO)

# DEMO_DIRS="dir ..."  QUERY=word  DEMO_OPTIONS="--trace --heap-limit 256 ..."
.PHONY: demo
demo: all $(O)/concordance
	@QUERY='$(QUERY)' DEMO_OPTIONS='$(DEMO_OPTIONS)' tests/clients/demo.sh $(O) $(DEMO_DIRS)

# Real programs under libmidden-malloc.so, glibc's malloc and jemalloc (where its library is): time and peak memory.
MEASURE_ROUNDS ?= 5
MEASURE_SCALE ?= 1
JEMALLOC_SO := $(firstword $(wildcard /usr/lib/*/libjemalloc.so.2 /usr/lib/libjemalloc.so.2))
$(O)/measure: tests/clients/malloc/measure.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(C17) $(LD) -o $@ $<
.PHONY: bench-malloc
bench-malloc: all $(O)/measure
	@for p in redis sqlite3 lua python3 node git gcc; do echo "$$p"; \
	  $(O)/measure $(MEASURE_ROUNDS) glibc= $(if $(JEMALLOC_SO),jemalloc=$(JEMALLOC_SO)) midden=$(abspath $(O))/libmidden-malloc.so \
	    -- tests/clients/malloc/work.sh $$p $(MEASURE_SCALE) 2>/dev/null || echo '  skipped: not installed, or failed'; done
