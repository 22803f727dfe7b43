# midden: slab buffer pool, generational collector, heap snapshots.
#
#   make                 libraries and the command (needs a C compiler and make, nothing else)
#   make deps            installs the Debian packages that the other goals use
#   make demo test memcheck bench papers torture fuzz install clean
#
# MODE=opt|check|asan|tsan   CC=gcc|clang   STRICT=1 (warnings are errors)   V=1 (whole commands)   WITH_X=0 (leave an optional part out)
# Objects and tests of a mode lie in build/MODE/; build/libmidden.{a,so} and build/midden are those of the last `make`.

MODE   ?= opt
BUILD  ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
O      := $(BUILD)/$(MODE)
CONFIG := $(BUILD)/config.mk
PACKAGES ?= $(wildcard /var/lib/dpkg/status)
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# ---- version: stands in base.h alone
version = $(shell sed -n 's/^.define MID_VERSION_$(1) //p' alloc/base/include/midden/base.h)
MAJOR := $(call version,MAJOR)
MINOR := $(call version,MINOR)
VERSION := $(MAJOR).$(MINOR).$(call version,PATCH)
SONAME := libmidden.so.$(if $(filter 0,$(MAJOR)),0.$(MINOR),$(MAJOR))

# ---- flags
WARN := -Wall -Wextra -Wshadow -Wconversion -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wcast-align \
        -Wwrite-strings -Wimplicit-fallthrough $(if $(STRICT),-Werror)
MODE_opt   := -O2 -g
MODE_check := -O1 -g -DMID_CHECK=1
MODE_asan  := -O1 -g -DMID_CHECK=1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
MODE_tsan  := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
$(if $(MODE_$(MODE)),,$(error MODE=$(MODE) is none of opt check asan tsan))
CFLAGS  ?=
LDFLAGS ?=
Q   := $(if $(V),,@)
C17 := -std=c17 -D_GNU_SOURCE -fPIC -ftls-model=initial-exec -fvisibility=hidden -pthread $(WARN) $(MODE_$(MODE)) $(CFLAGS)
LD  := $(MODE_$(MODE)) -pthread $(LDFLAGS)

# ---- features: found by compiling, kept in config.mk; WITH_X=0 leaves X out. Only the goal `deps` calls apt or sudo; it
# asks dpkg first and needs no network the second time.
# config.mk is an included makefile that make remakes before it reads goals: with `make deps test` it must be probed
# after the packages have come, hence the prerequisite on the first pass alone (MAKE_RESTARTS breaks the loop). Packages
# that come between two runs of make are seen by dpkg's status file; config.mk changes when an answer does, and only then
# is anything compiled again.

DEPS := gcc g++ libc6-dev check perl pkg-config libbenchmark-dev libjemalloc-dev libmimalloc2.0 libtcmalloc-minimal4 libgc1 \
        zlib1g-dev gnuplot-nox libjansson-dev libncurses-dev tmux valgrind clang libclang-rt-14-dev sqlite3 libsqlite3-dev \
        lua5.4 liblua5.4-dev libuv1-dev

probe = $(if $(filter 0,$(WITH_$(1))),,$(shell printf '%b' '$(2)' | $(CC) $(CFLAGS) -x c -o /dev/null - $(3) 2>/dev/null && echo 1))
asks  = [ "$$(dpkg-query -W -f='$${db:Status-Status}' $(1) 2>/dev/null)" = installed ]

# What config.mk was made with: a change of these makes it anew.
config_key := $(CC) $(CFLAGS) $(foreach x,ZLIB NCURSES CHECK JANSSON VALGRIND BENCHMARK,$(WITH_$(x)))

ifneq (,$(filter-out clean deps,$(or $(MAKECMDGOALS),all)))
include $(CONFIG)
ifneq ($(strip $(config_key)),$(strip $(CONFIG_KEY)))
.PHONY: config-key-changed
$(if $(MAKE_RESTARTS),,$(eval $(CONFIG).probed: config-key-changed))
endif
endif

ifneq (,$(filter deps,$(MAKECMDGOALS)))
ifndef MAKE_RESTARTS
ifneq (,$(filter-out clean deps,$(MAKECMDGOALS)))
$(CONFIG).probed: install-packages
endif
endif
endif

.PHONY: deps install-packages
deps: install-packages
install-packages:
	@missing=; for p in $(DEPS); do $(call asks,$$p) || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then echo "deps: all packages are installed"; exit 0; fi; \
	as=; [ "$$(id -u)" = 0 ] || as=sudo; \
	echo "$$as apt-get install -y --no-install-recommends$$missing"; \
	$$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends $$missing

$(CONFIG): $(CONFIG).probed
	@cmp -s $< $@ || { cp $< $@; echo "features: $$(sed -n 's/^HAVE_\([A-Z]*\) := 1$$/\1/p' $@ | tr 'A-Z\n' 'a-z ' | grep . || echo none)"; }

$(CONFIG).probed: Makefile $(PACKAGES)
	@mkdir -p $(@D)
	@{ echo 'CONFIG_KEY := $(strip $(config_key))'; \
	   echo 'HAVE_ZLIB := $(call probe,ZLIB,#include <zlib.h>\nint main(void){return zlibVersion()==0;},-lz)'; \
	   echo 'HAVE_NCURSES := $(call probe,NCURSES,#define NCURSES_WIDECHAR 1\n#include <curses.h>\nint main(void){return get_wch(0)==0;},-lncursesw)'; \
	   echo 'HAVE_CHECK := $(call probe,CHECK,#include <check.h>\nint main(void){return suite_create("x")==0;},-lcheck_pic -lsubunit -lrt -lm -pthread)'; \
	   echo 'HAVE_JANSSON := $(call probe,JANSSON,#include <jansson.h>\nint main(void){return json_object()==0;},-ljansson)'; \
	   echo 'HAVE_VALGRIND := $(call probe,VALGRIND,#include <valgrind/memcheck.h>\nint main(void){return RUNNING_ON_VALGRIND;},)'; \
	 } > $@

features_heapdump/graph := $(if $(HAVE_ZLIB),-DMID_HAVE_ZLIB=1)
libs_viewer             := $(if $(HAVE_ZLIB),-lz)
features_heapdump/cli   := $(if $(HAVE_NCURSES),-DMID_HAVE_NCURSES=1)
features_heapdump/screen := -DMID_HAVE_NCURSES=1
libs_command            := $(if $(HAVE_NCURSES),-lncursesw)
features_alloc/malloc   := -fno-builtin
features_alloc          := $(if $(HAVE_VALGRIND),-DMID_HAVE_VALGRIND=1)
features_gc             := $(features_alloc)

# ---- components: the sources of each, and the include paths that are the layer law
BASE    := alloc/base/include
ALLOC   := $(BASE) alloc/include
GC      := $(ALLOC) gc/include
DUMP    := heapdump/include
dirs_alloc/base       := $(BASE)
dirs_alloc            := $(ALLOC)
dirs_alloc/malloc     := $(ALLOC) alloc
dirs_gc               := $(GC)
dirs_heapdump/write   := $(BASE) $(DUMP)
dirs_heapdump/adapter := $(GC) $(DUMP)
dirs_heapdump/graph   := $(BASE) heapdump/graph/include
dirs_heapdump/view    := $(BASE) heapdump/graph/include
dirs_heapdump/cli     := $(BASE) heapdump/graph/include heapdump/screen heapdump/cli
dirs_heapdump/screen  := $(BASE) heapdump/graph/include heapdump/view heapdump/cli
dirs_tests/support    := $(GC) $(DUMP) heapdump/graph/include

LIBRARY := alloc/base alloc gc heapdump/write heapdump/adapter
VIEWER  := heapdump/graph heapdump/view
COMMAND := heapdump/cli $(if $(HAVE_NCURSES),heapdump/screen)

# An object's name holds its whole path, so that an archive has no two members of one name.
object  = $(O)/obj/$(subst /,-,$(1))-$(2).o
objects = $(foreach d,$(1),$(patsubst $(d)/%.c,$(call object,$(d),%),$(wildcard $(d)/*.c)))

define component
$(call object,$(1),%): $(1)/%.c $(CONFIG)
	@mkdir -p $$(@D)
	$$(if $$(V),,@echo 'CC    $$<')
	$$(Q)$$(CC) $$(C17) $$(features_$(1)) $$(addprefix -I,$$(dirs_$(1))) -MMD -MP -c -o $$@ $$<
endef
$(foreach d,$(LIBRARY) alloc/malloc $(VIEWER) $(COMMAND) tests/support,$(eval $(call component,$(d))))

# ---- products
$(O)/libmidden.a: $(call objects,$(LIBRARY))
$(O)/libviewer.a: $(call objects,alloc/base $(VIEWER))
$(O)/libsupport.a: $(call objects,tests/support)
$(O)/%.a:
	$(if $(V),,@echo 'AR    $@')
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# nodelete: a thread's end calls into the library, also when the program has closed it before.
$(O)/libmidden.so: $(call objects,$(LIBRARY)) alloc/base/midden.map
	$(if $(V),,@echo 'LINK  $@')
	$(Q)$(CC) $(LD) -shared -Wl,-z,nodelete -Wl,-soname,$(SONAME) -Wl,--version-script=alloc/base/midden.map $(if $(findstring san,$(MODE)),,-Wl,-z,defs) -o $@ $(filter %.o,$^)

# A malloc on a pool of its own, to preload. A sanitizer is one itself: there is none in these modes.
$(O)/libmidden-malloc.so: $(call objects,alloc/base alloc alloc/malloc) alloc/malloc/malloc.map
	$(if $(V),,@echo 'LINK  $@')
	$(Q)$(CC) $(LD) -shared -Wl,-soname,libmidden-malloc.so -Wl,--version-script=alloc/malloc/malloc.map -Wl,-z,defs -o $@ $(filter %.o,$^)

# The command's link line holds no object of alloc's pool or of gc.
$(O)/midden: $(call objects,$(COMMAND)) $(O)/libviewer.a
	$(if $(V),,@echo 'LINK  $@')
	$(Q)$(CC) $(LD) -o $@ $^ $(libs_viewer) $(libs_command)

PRODUCTS := libmidden.a libmidden.so midden $(if $(findstring san,$(MODE)),,libmidden-malloc.so)
.PHONY: all
all: $(addprefix $(O)/,$(PRODUCTS))
	@$(foreach p,$(PRODUCTS),ln -sf $(MODE)/$(p) $(BUILD)/$(p);)

include tests/tests.mk
include tests/clients/clients.mk
include bench/bench.mk
include papers/papers.mk
include heapdump/install.mk

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
