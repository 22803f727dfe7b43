# Fuzzing with libFuzzer, FUZZ_SECONDS for each program of tests/fuzz; what it finds worth keeping stays in build/fuzz.
FUZZ_SECONDS ?= 60
FUZZ_CC      ?= clang
fuzzers      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS   := -O1 -g -DMID_CHECK=1 -DWINDOW_BYTES=4096ul -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
fuzz_sources := $(wildcard $(foreach d,alloc/base $(VIEWER),$(d)/*.c))

$(BUILD)/fuzz/%: tests/fuzz/%.c $(fuzz_sources) $(wildcard heapdump/graph/*.h heapdump/graph/include/midden/internal/*.h)
	@mkdir -p $(@D)
	@command -v $(FUZZ_CC) >/dev/null || { echo 'make fuzz needs the packages clang and libclang-rt-14-dev: run `make deps`' >&2; exit 2; }
	$(FUZZ_CC) -std=c17 -D_GNU_SOURCE -pthread $(WARN) $(FUZZ_FLAGS) $(features_heapdump/graph) \
	  $(addprefix -I,$(dirs_heapdump/graph)) -o $@ $< $(fuzz_sources) $(libs_viewer)

.PHONY: fuzz
fuzz: $(addprefix $(BUILD)/fuzz/,$(fuzzers))
	@for f in $(fuzzers); do mkdir -p $(BUILD)/fuzz/corpus-$$f; \
	  cp tests/golden/fixtures/tiny*.heapsnapshot $(BUILD)/fuzz/corpus-$$f/; \
	  echo "$$f: $(FUZZ_SECONDS) s"; \
	  $(BUILD)/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 -verbosity=0 \
	    -artifact_prefix=$(BUILD)/fuzz/ -dict=tests/fuzz/snapshot.dict $(BUILD)/fuzz/corpus-$$f || exit 1; done
