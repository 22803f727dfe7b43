# `make papers` runs every experiment and writes what it finds into the pages, then checks that all that the pages name
# is there. `make papers-check` only checks; `make papers-dry` runs all experiments and writes nothing.
#   PAPERS=cheney-1970,ungar-1984   some of them

papers_programs := $(patsubst papers/repro/%.c,$(O)/papers/%,$(wildcard papers/repro/*.c))
$(O)/papers/%: papers/repro/%.c $(O)/libmidden.a $(O)/libviewer.a
	@mkdir -p $(@D)
	$(if $(V),,@echo 'PAPER $<')
	$(Q)$(CC) $(C17) $(addprefix -I,$(GC) $(DUMP) heapdump/graph/include) -MMD -MP -MF $@.d $(LD) -o $@ $< $(O)/libviewer.a $(O)/libmidden.a $(libs_viewer) -lm

.PHONY: papers papers-dry papers-check
papers: all $(papers_programs)
	@O=$(O) papers/report $(if $(PAPERS),--only $(PAPERS))
	@papers/check.sh
papers-dry: all $(papers_programs)
	@O=$(O) papers/report --dry $(if $(PAPERS),--only $(PAPERS))
papers-check:
	@papers/check.sh
