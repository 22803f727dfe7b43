# The suite: Check programs and shell tests, all under prove.
#   tests/unit  model  torture  oom  golden  clients  headers  devtools: test_*.c is a Check program, test_*.sh a TAP script.
# A program of tests/oom is linked with the libc functions below wrapped, so that it can fail the n-th call.

KINDS := unit model torture oom golden clients headers devtools
sources_of = $(wildcard tests/$(1)/test_*.c)
programs_of = $(patsubst %.c,$(O)/%,$(call sources_of,$(1)))
scripts_of = $(wildcard tests/$(1)/test_*.sh)
TEST_INCLUDES := $(GC) $(DUMP) heapdump/graph/include tests/support . 
TEST_LIBS := $(O)/libsupport.a $(O)/libviewer.a $(O)/libmidden.a
WRAPPED := mmap munmap madvise malloc calloc realloc aligned_alloc posix_memalign

comma := ,
wrap_oom := $(foreach f,$(WRAPPED),-Wl$(comma)--wrap=$(f))

define test_kind
$(O)/tests/$(1)/%: tests/$(1)/%.c $(TEST_LIBS) | need-check
	@mkdir -p $$(@D)
	$$(if $$(V),,@echo 'TEST  $$<')
	$$(Q)$$(CC) $$(C17) -MMD -MP -MF $$@.d $$(addprefix -I,$$(TEST_INCLUDES)) $$(LD) -o $$@ $$< $$(TEST_LIBS) $$(wrap_$(1)) $$(libs_viewer) -lcheck_pic -lsubunit -ljansson -lrt -lm
.PHONY: test-$(1)
test-$(1): $(call programs_of,$(1)) all
	@$$(prove) $$(call programs_of,$(1)) $$(call scripts_of,$(1))
endef
$(foreach k,$(KINDS),$(eval $(call test_kind,$(k))))

# The program that the DevTools test has judged; made only when that test is asked for.
test-devtools test: $(if $(DEVTOOLS),$(O)/tests/devtools/sample)

# Snapshots of any size from nothing, to a FILE: make snapshot SNAPSHOT=FILE SNAPSHOT_FLAGS="--bytes=4G --seed=7".
GENERATE := $(O)/tests/generate/generate
$(GENERATE): tests/generate/generate.c $(CONFIG)
	@mkdir -p $(@D)
	$(if $(V),,@echo 'TEST  $<')
	$(Q)$(CC) $(C17) $(LD) -o $@ $<
test-golden test-devtools test: $(GENERATE)
.PHONY: snapshot
SNAPSHOT       ?= $(BUILD)/generated.heapsnapshot
SNAPSHOT_FLAGS ?= --bytes=1G
snapshot: $(GENERATE)
	$(GENERATE) $(SNAPSHOT_FLAGS) $(SNAPSHOT)

# How many tests run at a time.
JOBS ?= 2
SAN := ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
       TSAN_OPTIONS=halt_on_error=1 LC_ALL=C
# Sanitizers and checked pools slow a test down: it gets more time than the 60 s of its own.
prove = $(if $(filter-out opt,$(MODE)),CK_TIMEOUT_MULTIPLIER=10) MODE=$(MODE) BUILD=$(BUILD) O=$(O) CC='$(CC)' $(SAN) CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent prove -j $(JOBS) -e '' $(PROVE_FLAGS)

.PHONY: need-check
$(call objects,tests/support): | need-check
need-check:
	@[ -n '$(HAVE_CHECK)' ] && [ -n '$(HAVE_JANSSON)' ] && command -v prove >/dev/null || \
	  { echo 'the tests need the packages check, libjansson-dev and perl: run `make deps`' >&2; exit 2; }

.PHONY: test memcheck
test: all $(foreach k,$(KINDS),$(call programs_of,$(k)))
	@$(prove) $(foreach k,$(KINDS),$(call programs_of,$(k)) $(call scripts_of,$(k)))

# The suite's programs under valgrind, with the random tests cut short. Those of oom (quadratic in the calls that they
# fail) and golden (large files) run under ASan, which sees the same leaks, in minutes and not in hours; so do those left out
# here, which take many minutes there or fork out of threads.
MEMCHECK_LEAVES_OUT := $(addprefix %/test_,handle handle_model keep pool_fork pool_given pool_figures pool_age pool_sample pool_wait pool_trim \
                       pool_threads heap_full conservative index batches paths reader snapshot_child snapshot_signal)
memcheck: all $(foreach k,unit model torture,$(call programs_of,$(k)))
	@command -v valgrind >/dev/null || { echo 'memcheck needs the package valgrind: run `make deps`' >&2; exit 2; }
	@TEST_SCALE=0.05 CK_TIMEOUT_MULTIPLIER=20 MODE=$(MODE) O=$(O) BUILD=$(BUILD) CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent \
	  prove -j $(JOBS) -e 'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect' \
	  $(filter-out $(MEMCHECK_LEAVES_OUT),$(foreach k,unit model torture,$(call programs_of,$(k))))

# The programs in which several threads work.
THREADED := $(addprefix $(O)/tests/,$(addprefix unit/test_,batches handle heap_helpers slice pool pool_age pool_broken pool_cache pool_fork pool_sample pool_wait \
            snapshot_child snapshot_signal) $(addprefix model/test_,handle_model pool_model slice_model) torture/test_pool_threads)
.PHONY: test-threads
test-threads: all $(THREADED)
	@$(prove) $(THREADED)

# The include paths of component C, for the test of the layer law.
.PHONY: print-includes
print-includes:
	@echo '$(addprefix -I,$(dirs_$(C)))'

# Random programs with fresh seeds and more rounds, until the time is over or one fails.
TORTURE_MINUTES ?= 5
LONG := $(foreach k,model torture,$(call programs_of,$(k)))
.PHONY: torture
torture: all $(LONG)
	@end=$$(($$(date +%s) + 60 * $(TORTURE_MINUTES))); \
	while [ $$(date +%s) -lt $$end ]; do TEST_SCALE=5 CK_TIMEOUT_MULTIPLIER=30 $(prove) $(LONG) || exit 1; done

include tests/fuzz/fuzz.mk
