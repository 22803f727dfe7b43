# Programs that use the library as a stranger's would: they are compiled with the public headers alone.

CLIENT_INCLUDES := $(GC) $(DUMP)

$(O)/concordance: $(wildcard tests/clients/concordance/*.[ch]) $(O)/libmidden.a
	$(if $(V),,@echo 'LINK  $@')
	$(Q)$(CC) $(C17) $(addprefix -I,$(CLIENT_INCLUDES)) $(LD) -o $@ $(filter %.c %.a,$^)

# Its test, test_concordance.sh, runs it.
test-clients test: $(O)/concordance

# DEMO_DIRS="dir ..."  QUERY=word  DEMO_OPTIONS="--trace --heap-limit 256 ..."
.PHONY: demo
demo: all $(O)/concordance
	@QUERY='$(QUERY)' DEMO_OPTIONS='$(DEMO_OPTIONS)' tests/clients/demo.sh $(O) $(DEMO_DIRS)
