# Features of the machine, and `make deps`. Only the goal named deps calls apt or sudo; it asks dpkg first and needs no
# network the second time.
#
# config.mk is an included makefile that make remakes before it reads goals: with `make deps test` it must be probed
# after the packages have come, hence the prerequisite on the first pass alone (MAKE_RESTARTS breaks the loop).

DEPS := gcc g++ libc6-dev check perl pkg-config libbenchmark-dev libjemalloc-dev zlib1g-dev libjansson-dev \
        libncurses-dev valgrind clang libclang-rt-14-dev git

probe = $(if $(filter 0,$(WITH_$(1))),,$(shell printf '%b' '$(2)' | $(CC) $(CFLAGS) -x c -o /dev/null - $(3) 2>/dev/null && echo 1))
asks  = [ "$$(dpkg-query -W -f='$${db:Status-Status}' $(1) 2>/dev/null)" = installed ]

# What config.mk was made with: a change of these makes it anew.
config_key := $(CC) $(CFLAGS) $(foreach x,ZLIB CHECK JANSSON VALGRIND BENCHMARK,$(WITH_$(x)))

ifneq (,$(filter-out clean deps,$(or $(MAKECMDGOALS),all)))
include $(CONFIG)
ifneq ($(strip $(config_key)),$(strip $(CONFIG_KEY)))
ifneq (,$(CONFIG_KEY))
.PHONY: config-key-changed
$(if $(MAKE_RESTARTS),,$(eval $(CONFIG): config-key-changed))
endif
endif
endif

ifneq (,$(filter deps,$(MAKECMDGOALS)))
ifndef MAKE_RESTARTS
ifneq (,$(filter-out clean deps,$(MAKECMDGOALS)))
$(CONFIG): install-packages
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

$(CONFIG): Makefile tests/support/features.mk
	@mkdir -p $(@D)
	@{ echo 'CONFIG_KEY := $(strip $(config_key))'; \
	   echo 'HAVE_ZLIB := $(call probe,ZLIB,#include <zlib.h>\nint main(void){return zlibVersion()==0;},-lz)'; \
	   echo 'HAVE_CHECK := $(call probe,CHECK,#include <check.h>\nint main(void){return suite_create("x")==0;},-lcheck_pic -lsubunit -lrt -lm -pthread)'; \
	   echo 'HAVE_JANSSON := $(call probe,JANSSON,#include <jansson.h>\nint main(void){return json_object()==0;},-ljansson)'; \
	   echo 'HAVE_VALGRIND := $(call probe,VALGRIND,#include <valgrind/memcheck.h>\nint main(void){return RUNNING_ON_VALGRIND;},)'; \
	 } > $@.tmp && mv $@.tmp $@
	@sed -n 's/^HAVE_\([A-Z]*\) := 1$$/\1/p' $@ | tr 'A-Z\n' 'a-z ' | sed 's/^/features: /; s/ *$$/\n/'

features_heapdump/graph := $(if $(HAVE_ZLIB),-DMID_HAVE_ZLIB=1)
libs_viewer             := $(if $(HAVE_ZLIB),-lz)
features_alloc          := $(if $(HAVE_VALGRIND),-DMID_HAVE_VALGRIND=1)
