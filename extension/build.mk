# The extension's build by the server's own rules (PGXS). Run from the project's folder with srcdir=. as the Makefile there does.

EXTENSION = extension/pg_dcb
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(EXTENSION).control)

MODULE_big = pg_dcb
OBJS = $(patsubst %.cpp,%.o,$(sort $(wildcard extension/*.cpp)))

# The install script is its parts in the order of their names; upgrades from one version to the next stand as they were released.
SCRIPT = sql/pg_dcb--$(EXTVERSION).sql
PARTS = $(sort $(wildcard sql/[0-9]*.sql))
DATA = $(wildcard migrations/*--*--*.sql)
DATA_built = $(SCRIPT)

# No C++ runtime: nothing is thrown, nothing comes from the standard library's objects, and the linker is C's. What the server's headers
# need to be quiet: -Wno-register up to 15, -Wno-missing-field-initializers for the module magic of 18. SANITIZE is scripts/check-sanitizers'.
PG_CXXFLAGS = -std=c++20 -fno-exceptions -fno-rtti -fvisibility=hidden \
	-Wall -Wextra -Werror -Wno-register -Wno-missing-field-initializers $(SANITIZE)
SHLIB_LINK = $(SANITIZE)

# The server's headers are not ours to keep free of warnings.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server)

PGXS := $(shell $(PG_CONFIG) --pgxs 2> /dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) finds no server to build for; scripts/packages installs one with its headers)
endif
include $(PGXS)

# PGXS keeps the C++ flags from the bitcode's compiler, which is clang and sees through the server's macros: HOLD_INTERRUPTS increments a
# volatile.
COMPILE.cxx.bc += $(PG_CXXFLAGS) -Wno-deprecated-volatile

$(OBJS) $(OBJS:.o=.bc): $(wildcard extension/*.h extension/*.hpp) extension/build.mk

$(SCRIPT): $(PARTS) $(EXTENSION).control
	cat $(PARTS) > $@
