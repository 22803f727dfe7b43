# `make install`: libraries, public headers, the command, its manual and completions, midden.pc, find_package(midden).
#
#   DESTDIR=   put before every path, for packagers; it appears in no file
#   PREFIX=    /usr/local        LIBDIR=  $(PREFIX)/lib, or such as $(PREFIX)/lib/x86_64-linux-gnu
#
# Installed are the headers <midden/*.h> of base, alloc, gc and heapdump; midden/internal/ is nobody's but ours. The
# files of heapdump/package are templates: @NAME@ is replaced, with the version that base.h states.

BINDIR     ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man

PUBLIC_HEADERS := $(sort $(wildcard $(addsuffix /midden/*.h,$(GC) $(DUMP))))
CMAKEDIR       := $(LIBDIR)/cmake/midden
SO_REAL        := libmidden.so.$(VERSION)

# A path as midden.pc writes it: below ${prefix} where it is, so that the tree may be moved.
below_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))

put  = @install -d '$(DESTDIR)$(3)' && install -m $(1) $(2) '$(DESTDIR)$(3)/$(4)'
fill = @install -d '$(DESTDIR)$(2)' && sed -e 's|@VERSION@|$(VERSION)|g; s|@MAJOR@|$(MAJOR)|g; s|@MINOR@|$(MINOR)|g' \
         -e 's|@PREFIX@|$(PREFIX)|g; s|@LIBDIR@|$(call below_prefix,$(LIBDIR))|g; s|@INCLUDEDIR@|$(call below_prefix,$(INCLUDEDIR))|g; s|@SONAME@|$(SONAME)|g' \
         -e "s|@TO_PREFIX@|$$(realpath -m --relative-to='$(CMAKEDIR)' '$(PREFIX)')|g" \
         -e "s|@LIB@|$$(realpath -m --relative-to='$(PREFIX)' '$(LIBDIR)')|g; s|@SO_REAL@|$(SO_REAL)|g" \
         -e "s|@INCLUDE@|$$(realpath -m --relative-to='$(PREFIX)' '$(INCLUDEDIR)')|g" $(1) \
         > '$(DESTDIR)$(2)/$(notdir $(1))' && chmod 644 '$(DESTDIR)$(2)/$(notdir $(1))'

.PHONY: install
install: all
	$(call put,755,$(O)/midden,$(BINDIR),midden)
	$(call put,644,$(O)/libmidden.a,$(LIBDIR),libmidden.a)
	$(call put,755,$(O)/libmidden.so,$(LIBDIR),$(SO_REAL))
	@ln -sf $(SO_REAL) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	@ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libmidden.so'
	$(call put,755,$(O)/libmidden-malloc.so,$(LIBDIR),libmidden-malloc.so)
	$(call put,644,$(PUBLIC_HEADERS),$(INCLUDEDIR)/midden,)
	$(call fill,heapdump/package/midden.pc,$(LIBDIR)/pkgconfig)
	$(call fill,heapdump/package/midden-config.cmake,$(CMAKEDIR))
	$(call fill,heapdump/package/midden-config-version.cmake,$(CMAKEDIR))
	$(call fill,heapdump/man/midden.1,$(MANDIR)/man1)
	$(call put,644,heapdump/completions/midden.bash,$(DATADIR)/bash-completion/completions,midden)
	$(call put,644,heapdump/completions/_midden,$(DATADIR)/zsh/site-functions,_midden)
	$(call put,644,heapdump/completions/midden.fish,$(DATADIR)/fish/vendor_completions.d,midden.fish)
