# Heddle. `make help` lists the goals; `make deps demo` and `make deps check` are where to start.
#
# Knobs, given on the command line or in local.mk (ignored by git):
#   build=DIR           where everything goes                              [build]
#   CC=clang            another compiler (use another build directory with it)
#   CFLAGS, LDFLAGS     added to the flags below
#   CONFIGURE_FLAGS     for configure, such as --prefix=/usr
#   MPI=1               also build heddle-mpi (same as CONFIGURE_FLAGS=--with-mpi)
#   SAN=1               AddressSanitizer and UBSan, in build-san
#   WERROR=1            warnings are errors
#   V=1                 show the commands
#   CHECK_FLAGS         for the unit tests, such as --filter=text/*
#   DESTDIR             where `install` puts the tree of a package
# CC, CONFIGURE_FLAGS and MPI are remembered by the build directory.
#
# To add something: a .c in a room of src/ or a tests/test_*.c is found by itself. What is compiled
# specially is named in "lists" below. A new room needs a word in ROOMS and one in LAYERS.

# As many jobs as processors, unless -j says otherwise: make takes this as the weaker of the two.
MAKEFLAGS += -rR -j$(shell nproc 2>/dev/null || echo 2)
ifneq ($(and $(filter clean distclean,$(MAKECMDGOALS)),$(word 2,$(MAKECMDGOALS))),)
.NOTPARALLEL:
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

-include local.mk
build ?= build$(if $(SAN),-san)
INSTALL ?= install
AWK ?= awk
CLANG_FORMAT ?= clang-format-14

# ---------------------------------------------------------------- configuration

# Make remakes an included file before it looks at any goal. So `deps` must come before configure
# when both are wanted (the work is in install-deps, or make would say "nothing to be done" of deps), and the goals that need no configuration must not include its result.
plain_goals := help deps clean distclean layers format format-check fuzz
ifneq ($(or $(filter-out $(plain_goals),$(MAKECMDGOALS)),$(if $(MAKECMDGOALS),,all)),)
include $(build)/config.mk
endif

deps_first := $(if $(filter deps,$(MAKECMDGOALS)),install-deps)

given = $(if $(filter command environment,$(firstword $(origin $1))),$1='$($1)')
config_args := $(strip $(CONFIGURE_FLAGS) $(if $(MPI),--with-mpi) $(call given,CC))
ifneq ($(config_args),)
ifneq ($(config_args),$(strip $(file <$(build)/config.args)))
$(build)/config.mk: FORCE
endif
endif
# Criterion or protobuf-c may have come since.
ifeq ($(findstring no,$(have_criterion) $(have_onnx))$(filter deps,$(MAKECMDGOALS))$(MAKE_RESTARTS),nodeps)
$(build)/config.mk: FORCE
endif

configure: configure.ac | $(deps_first)
	@command -v autoreconf >/dev/null && command -v aclocal >/dev/null || \
	    { echo "missing: autoconf automake (run 'make deps')" >&2; exit 1; }
	$(call say,AUTO,$@)
	$Qautoreconf -i
	@touch $@

$(build)/config.mk: configure src/config.mk.in | $(deps_first)
	$(call say,CONF,$@)
	@mkdir -p $(build)
	$Qcd $(build) && $(CURDIR)/configure -q $(or $(config_args),$(file <$(build)/config.args))
	$(if $(config_args),@echo "$(config_args)" >$(build)/config.args)
	@touch $@

# ---------------------------------------------------------------- lists

# What C says, in the order of the tree.
VERSION := $(shell sed -n 's/.*define HEDDLE_VERSION "\(.*\)"/\1/p' include/heddle.h)
SONAME := libheddle.so.$(firstword $(subst ., ,$(VERSION)))

# Rooms whose files are compiled once.
ROOMS := base machine network train data model

# Compiled once for float and once for double: x.c gives x.f32.o and x.f64.o.
TWINS := $(wildcard src/pass/*.c src/kernel/reference.c)

# Compiled for every instruction set in LEVELS (configure's) and for float and double: x.c gives
# x.f32.scalar.o, x.f64.scalar.o, x.f32.avx2.o, ... All of kernel/ but the files compiled once.
KERNEL_ONCE := src/kernel/dispatch.c src/kernel/single.c
KERNEL_BODIES := $(filter-out $(KERNEL_ONCE) $(TWINS),$(wildcard src/kernel/*.c))

# Without -mprfchw a line asked for to be written is only asked for to be read. Processors with AVX2 that
# have no such request do nothing for one.
FLAGS_scalar := -DKERNEL_ISA=scalar -DKERNEL_SCALAR
FLAGS_avx2 := -mavx2 -mfma -mprfchw -DKERNEL_ISA=avx2 -DKERNEL_AVX2
FLAGS_avx512 := -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprfchw -mprefer-vector-width=512 \
    -DKERNEL_ISA=avx512 -DKERNEL_AVX512
FLAGS_neon := -DKERNEL_ISA=neon -DKERNEL_NEON
FLAGS_f32 := -DREAL_IS_FLOAT=1
FLAGS_f64 := -DREAL_IS_DOUBLE=1
HAVE_scalar := -DHEDDLE_HAVE_SCALAR
HAVE_avx2 := -DHEDDLE_HAVE_AVX2
HAVE_avx512 := -DHEDDLE_HAVE_AVX512
HAVE_neon := -DHEDDLE_HAVE_NEON

# With protobuf-c there is ONNX, without it a file that says so.
no_onnx := $(if $(filter yes,$(have_onnx)),src/model/export_onnx_none.c,src/model/export_onnx.c \
    src/model/onnx_graph.c src/model/onnx_functions.c)

once := $(filter-out src/machine/cluster_%.c $(no_onnx),$(wildcard $(ROOMS:%=src/%/*.c))) \
    $(wildcard $(KERNEL_ONCE))
cluster := $(wildcard src/machine/cluster_*.c)
cli := $(wildcard src/cli/*.c)

o := $(build)/obj
once_o := $(once:src/%.c=$o/%.o)
twins_o := $(foreach t,f32 f64,$(TWINS:src/%.c=$o/%.$t.o))
bodies_o := $(foreach l,$(LEVELS),$(foreach t,f32 f64,$(KERNEL_BODIES:src/%.c=$o/%.$t.$l.o)))
cluster_o := $(cluster:src/%.c=$o/%.o)
cli_o := $(cli:src/%.c=$o/%.o)
onnx_o := $(if $(filter yes,$(have_onnx)),$o/model/onnx.pb-c.o)

# One program for one process, one for MPI: they differ in which cluster_*.c is linked.
shared_o := $(once_o) $(twins_o) $(bodies_o) $(onnx_o)
single_o := $(filter %/cluster_single.o,$(cluster_o))
mpi_o := $(if $(filter yes,$(with_mpi)),$(filter %/cluster_mpi.o,$(cluster_o)))

lib_a := $(build)/libheddle.a
lib_so := $(build)/libheddle.so.$(VERSION)
programs := $(if $(cli),$(build)/heddle $(if $(mpi_o),$(build)/heddle-mpi))

t := $(build)/tests
tests_o := $(patsubst tests/%.c,$t/%.o,$(wildcard tests/test_*.c tests/support.c tests/fuzz_readers.c))
test_programs := $(patsubst tests/%.c,$t/%,$(wildcard tests/program_*.c))
benches := $(patsubst bench/%.c,$(build)/bench/%,$(wildcard bench/bench_*.c))

# room:rooms it may include. heddle.h and its own headers always; cli only those.
LAYERS := base: kernel:base machine:base network:kernel,base pass:network,kernel,base data:base \
    model:data,network,base train:pass,network,kernel,base,machine,data,model cli:

formatted := $(wildcard include/*.h src/*/*.[ch] tests/*.[ch] bench/*.[ch])

# ---------------------------------------------------------------- flags

# -ffp-contract=off, and no -ffast-math, -Ofast or -march=native, ever: the bits of a model must
# not depend on the compiler's mood (src/README.md). It stands last, so CFLAGS cannot undo it.
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
    -Wpointer-arith -Wwrite-strings
comma := ,
sanitize := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer)
# Functions begin on a line of the cache, or a change anywhere moves all loops behind it: a step of
# 4-16-3 with 32 rows takes 1.00 or 1.06 us by that alone.
fast := $(if $(SAN),-O1,-O3 -DNDEBUG -falign-functions=64)
base_flags = -std=gnu11 -g $(WARNINGS) $(if $(WERROR),-Werror) -fvisibility=hidden -fPIC \
    -fno-math-errno $(OPENMP_CFLAGS) $(sanitize) -D_GNU_SOURCE $(CPPFLAGS)
last_flags = $(CFLAGS) -ffp-contract=off -MMD -MP
lib_flags = $(base_flags) -Isrc -Iinclude $(HWLOC_CFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS) \
    $(JANSSON_CFLAGS) $(foreach l,$(LEVELS),$(HAVE_$l))
link = $(CC) $(OPENMP_CFLAGS) $(sanitize) $(LDFLAGS)
libs = $(HWLOC_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS) $(JANSSON_LIBS) $(PROTOBUF_C_LIBS) $(LIBS) -lm \
    -lpthread

# Rewritten only when it would be different, so that changed flags rebuild everything.
flags_text = $(CC) $(base_flags) $(last_flags) $(fast) $(lib_flags) $(link) $(libs) \
    $(gradient_flags) $(foreach l,$(LEVELS),$(FLAGS_$l)) $(CRITERION_CFLAGS) $(MPI_CFLAGS) $(PROTOBUF_C_CFLAGS)
$(build)/flags: FORCE
	@mkdir -p $(build)
	@echo '$(subst ','\'',$(flags_text))' | cmp -s - $@ || \
	    echo '$(subst ','\'',$(flags_text))' >$@

# The same for the lists: without a source, what it was linked into must be linked again.
lists_text = $(shared_o) $(cluster_o) $(cli_o) $(tests_o)
$(build)/lists: FORCE
	@mkdir -p $(build)
	@echo '$(lists_text)' | cmp -s - $@ || echo '$(lists_text)' >$@
objects = $(filter %.o %.a,$^)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$1' '$2')

# ---------------------------------------------------------------- rules

# $(call rule,objects,pattern of the object,flags,tag shown)
define rule
$1: $o/%$2.o: src/%.c $(build)/flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$<$4)
	$$Q$$(CC) $3 $$(last_flags) -c -o $$@ $$<
endef

$(eval $(call rule,$(once_o),,$$(lib_flags) -O2))
$(eval $(call rule,$(single_o),,$$(lib_flags) -O2))
$(eval $(call rule,$(mpi_o),,$$(lib_flags) $$(MPI_CFLAGS) -O2))
# The messages of ONNX, made from its own description when needed and never kept.
$(build)/onnx/onnx.pb-c.c: $(ONNX_PROTO)
	@mkdir -p $(@D)
	$(call say,PROTO,$<)
	$Q$(PROTOC_C) --proto_path=$(dir $<) --c_out=$(@D) $<
$(onnx_o): $(build)/onnx/onnx.pb-c.c $(build)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$Q$(CC) $(base_flags) -w -I$(<D) $(PROTOBUF_C_CFLAGS) -O2 $(last_flags) -c -o $@ $<
$o/model/onnx_graph.o: $(build)/onnx/onnx.pb-c.c
$o/model/onnx_graph.o: private lib_flags += -isystem $(build)/onnx $(PROTOBUF_C_CFLAGS)
# The command line sees heddle.h and nothing else of ours.
$(eval $(call rule,$(cli_o),,$$(base_flags) -Iinclude $$(JANSSON_CFLAGS) -O2))
$(foreach t_,f32 f64,$(eval \
    $(call rule,$(TWINS:src/%.c=$o/%.$(t_).o),.$(t_),$$(lib_flags) $$(fast) $(FLAGS_$(t_)), [$(t_)])))
$(foreach l,$(LEVELS),$(foreach t_,f32 f64,$(eval \
    $(call rule,$(KERNEL_BODIES:src/%.c=$o/%.$(t_).$l.o),.$(t_).$l,$$(lib_flags) $$(fast) \
    $(FLAGS_$(t_)) $(FLAGS_$l), [$(t_) $l]))))
$o/kernel/gradient.%.o: private fast += $(gradient_flags)

$(lib_a): $(shared_o) $(single_o) $(build)/lists
	$(call say,AR,$@)
	@rm -f $@
	$Qar rcs $@ $(objects)

$(lib_so): $(shared_o) $(single_o) $(build)/lists
	$(call say,LINK,$@)
	$Q$(link) -shared $(if $(SAN),,-Wl$(comma)-z$(comma)defs) -Wl,-soname,$(SONAME) -o $@ $(objects) $(libs)
	@ln -sf $(@F) $(build)/$(SONAME)
	@ln -sf $(@F) $(build)/libheddle.so

$(build)/heddle: $(cli_o) $(lib_a) $(build)/lists
	$(call say,LINK,$@)
	$Q$(link) -o $@ $(objects) $(libs)

$(build)/heddle-mpi: $(cli_o) $(shared_o) $(mpi_o) $(build)/lists
	$(call say,LINK,$@)
	$Q$(link) -o $@ $(objects) $(MPI_LIBS) $(libs)

# Tests see every room, keep their assertions and may convert as they like.
$t/%.o: tests/%.c $(build)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$Q$(CC) $(lib_flags) $(CRITERION_CFLAGS) -Itests -Wno-conversion -UNDEBUG -O1 $(last_flags) \
	    -c -o $@ $<

# What tests look at in the command line, and what that needs.
cli_tested := bench_scaling run_curve report_plot html json_out score_text output steady

# The archive's objects, not the .so: tests reach what is not exported.
$t/check: $(tests_o) $(cli_tested:%=$o/cli/%.o) $(lib_a) $(build)/lists
	@test '$(have_criterion)' = yes || \
	    { echo "missing: libcriterion-dev (run 'make deps')" >&2; exit 1; }
	$(call say,LINK,$@)
	$Q$(link) -o $@ $(objects) $(CRITERION_LIBS) $(libs)

# Only what reads: kernels take minutes to compile with all the watching.
$t/fuzz: $t/fuzz_main.o $t/fuzz_readers.o $(filter $o/base/% $o/data/%,$(once_o)) \
    $o/model/safetensors.o $o/model/table_safetensors.o
	$(call say,LINK,$@)
	$Q$(link) -fsanitize=fuzzer -o $@ $(objects) $(libs)

$(test_programs): $t/%: $t/%.o $(lib_a)
	$(call say,LINK,$@)
	$Q$(link) -o $@ $(objects) $(libs)

$(build)/bench/%.o: bench/%.c $(build)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$Q$(CC) $(lib_flags) -Ibench -O2 $(last_flags) -c -o $@ $<

$(benches): $(build)/bench/%: $(build)/bench/%.o $(patsubst bench/%.c,$(build)/bench/%.o,\
    $(wildcard bench/bench.c)) $(lib_a)
	$(call say,LINK,$@)
	$Q$(link) -o $@ $(objects) $(libs)

.SECONDARY:
-include $(wildcard $o/*/*.d $t/*.d $(build)/bench/*.d)

# ---------------------------------------------------------------- goals

.PHONY: all demo fuzz check check-build check-long bench bench-peers bench-beside bench-ranks bench-read install uninstall deps install-deps format \
    format-check layers headers clean distclean help showconfig FORCE
FORCE:

# What runs programs runs one after the other.
check: | $(filter demo,$(MAKECMDGOALS))
check-long: | $(filter demo check,$(MAKECMDGOALS))
bench: | $(filter demo check check-long,$(MAKECMDGOALS))
bench-peers bench-beside bench-quality: | $(filter demo check check-long bench,$(MAKECMDGOALS))

## all: the library and the program (default)
all: $(lib_a) $(lib_so) $(programs)

## demo: train, score and use a network; under 20 seconds
demo: all
	@HEDDLE='$(abspath $(build)/heddle)' BUILD='$(abspath $(build))' sh bench/demo.sh

check-build: all $(test_programs) $(if $(tests_o),$t/check)

# What tests are told about where they are. Tests start teams of threads beside each other, so a
# waiting thread must not spin.
test_env := OMP_WAIT_POLICY=passive HEDDLE_ALL_WORKERS=1 HEDDLE='$(abspath $(build)/heddle)' \
    HEDDLE_TESTS='$(abspath tests)' HEDDLE_BUILD='$(abspath $(build))' \
    HEDDLE_SCRATCH='$(abspath $t/scratch)'
# Criterion does not see leaks: they are looked for in the sanitizer's log.
ifneq ($(SAN),)
test_env += ASAN_OPTIONS='log_path=$(abspath $t)/sanitizer:$(ASAN_OPTIONS)' \
    UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1:log_path=$(abspath $t)/sanitizer'
endif
sanitizer_log = if ls $t/sanitizer.* >/dev/null 2>&1; then cat $t/sanitizer.*; \
    echo 'check: the sanitizer found the above' >&2; exit 1; fi

# $(call scripts,pattern): run executable scripts one by one and stop at the first that fails.
scripts = @for script in $(wildcard $1); do test -x $$script || continue; \
    echo "== $$script"; $(test_env) $$script || \
    { echo "check: $$script failed; again: $(subst ",,$(test_env)) $$script" >&2; exit 1; }; done

## check: all unit tests, then the scripts tests/check_*.sh; a few minutes (SAN=1: sanitizers)
check: check-build
	@rm -rf $t/sanitizer.* $t/scratch $t/status; mkdir -p $t/scratch
	$(if $(tests_o),@{ $(test_env) timeout 600 $t/check --jobs 2 $(CHECK_FLAGS); \
	    echo $$? >$t/status; } 2>&1 | tee $t/check.log; exit $$(cat $t/status))
	$(call scripts,tests/check_*.sh)
	@$(sanitizer_log)
	@grep -a Synthesis $t/check.log 2>/dev/null || true

## check-long: the scripts tests/long_*.sh, many minutes
check-long: check-build
	@rm -rf $t/sanitizer.* $t/scratch; mkdir -p $t/scratch
	$(call scripts,tests/long_*.sh)
	@$(sanitizer_log)

# The readers again, watched by libFuzzer, in a build directory of their own.
FUZZ_SECONDS ?= 180
FUZZ_READERS ?= csv arff idx npy svmlight fann safetensors file
FUZZ_CC ?= $(firstword $(foreach c,clang-14 clang,$(shell command -v $c)))
fuzz_flags := -fsanitize=fuzzer-no-link$(comma)address$(comma)undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer

## fuzz: libFuzzer on every reader, FUZZ_SECONDS (180) each (needs clang)
fuzz:
	@test -n '$(FUZZ_CC)' || { echo 'missing: clang' >&2; exit 1; }
	+@$(MAKE) --no-print-directory build=build-fuzz CC=$(FUZZ_CC) CFLAGS='$(fuzz_flags)' \
	    LDFLAGS='$(fuzz_flags)' build-fuzz/tests/fuzz
	@for reader in $(FUZZ_READERS); do \
	    mkdir -p build-fuzz/corpus/$$reader; echo "== $$reader"; \
	    FUZZ_READER=$$reader build-fuzz/tests/fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=5 \
	        -malloc_limit_mb=256 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
	        -artifact_prefix=build-fuzz/$$reader- build-fuzz/corpus/$$reader \
	        tests/data/fuzz/$$reader >build-fuzz/$$reader.log 2>&1 || \
	        { tail -40 build-fuzz/$$reader.log; exit 1; }; \
	    grep -E 'number_of_executed_units|peak_rss' build-fuzz/$$reader.log; done

## bench: build and run bench/bench_*.c and bench/scaling.sh, results in build/bench
bench: all $(benches)
	@for program in $(benches); do HEDDLE='$(abspath $(build)/heddle)' \
	    HEDDLE_BENCH='$(abspath $(build)/bench)' $$program || exit 1; done
	@HEDDLE='$(abspath $(build)/heddle)' sh bench/scaling.sh >$(build)/bench/scaling.md && \
	    cat $(build)/bench/scaling.md
	@sh bench/refresh.sh $(build)/bench/kernels-*.md $(build)/bench/scaling.md

## bench-read: reading tables, beside data.table's fread and pandas, in build/bench/read.md
bench-read: $(build)/bench/bench_read
	@BUILD='$(build)' bench/read_peers.sh '$(build)/bench/read' >$(build)/bench/read.md
	@cat $(build)/bench/read.md
	@sh bench/refresh.sh $(build)/bench/read.md

# Debian's python3 has Debian's PyTorch; another one before it in the path may not.
PYTHON ?= $(or $(wildcard /usr/bin/python3),python3)

## bench-quality: how good without options, beside scikit-learn, in build/bench/quality.md
bench-quality: all
	@mkdir -p $(build)/bench
	@$(PYTHON) bench/quality.py --heddle $(build)/heddle --data '$(or $(DATA),$(wildcard \
	    ../shared/data))' --out $(build)/bench/quality.md
	@sh bench/refresh.sh $(build)/bench/quality.md

## bench-peers: beside PyTorch, scikit-learn, numpy, FANN and LIBXSMM, in build/bench/*.md
# The peer's own network, libxsmm_mlp.c, may be compiled as fast as it gets: its bits are nobody's
# promise. Nothing of Heddle is compiled so, and the program is not linked so, which would switch
# denormals off for all of it.
bench-peers: all
	@mkdir -p $(build)/bench
	@rm -f $(build)/bench/peers.md $(build)/bench/libxsmm.md
	@$(CC) -O3 -o $(build)/bench/peer_fann bench/peer_fann.c -lfloatfann -lm 2>/dev/null || \
	    echo 'bench: without FANN (libfann-dev)' >&2
	@$(PYTHON) bench/peers.py --heddle $(build)/heddle --fann $(build)/bench/peer_fann \
	    --out $(build)/bench/peers.md
	@rm -f $(build)/bench/peer_libxsmm
	@$(CC) -O3 -march=native -ffast-math -fopenmp -c -o $(build)/bench/libxsmm_mlp.o \
	    bench/libxsmm_mlp.c 2>/dev/null && $(CC) -O2 -Iinclude $(OPENMP_CFLAGS) \
	    -o $(build)/bench/peer_libxsmm bench/peer_libxsmm.c $(build)/bench/libxsmm_mlp.o $(lib_a) \
	    -lxsmm -lxsmmnoblas -ldl $(libs) || echo 'bench: without LIBXSMM (libxsmm-dev)' >&2
	@$(PYTHON) bench/libxsmm.py --heddle $(build)/heddle --libxsmm $(build)/bench/peer_libxsmm \
	    --out $(build)/bench/libxsmm.md
	@sh bench/refresh.sh $(build)/bench/peers.md $(build)/bench/libxsmm.md

## bench-beside: a step while other programs keep cores busy, beside PyTorch's, in build/bench/beside.md
bench-beside: all
	@mkdir -p $(build)/bench
	@$(PYTHON) bench/beside.py --heddle $(build)/heddle --out $(build)/bench/beside.md
	@sh bench/refresh.sh $(build)/bench/beside.md

## bench-ranks: steps of 1 to 8 ranks, a model of them, and what it predicts for clusters (MPI=1)
bench-ranks: all
	@mkdir -p $(build)/bench
	@$(PYTHON) bench/ranks.py measure '$(build)/heddle-mpi' >$(build)/bench/ranks.csv
	@$(PYTHON) bench/ranks.py report $(build)/bench/ranks.csv >$(build)/bench/ranks.md
	@sh bench/refresh.sh $(build)/bench/ranks.md

## install: programs, library, header, pkg-config file and manual page below prefix
install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(includedir)
	$(if $(programs),$(INSTALL) -m 755 $(programs) $(DESTDIR)$(bindir))
	$(INSTALL) -m 644 include/heddle.h $(DESTDIR)$(includedir)
	$(INSTALL) -m 644 $(lib_a) $(lib_so) $(DESTDIR)$(libdir)
	ln -sf $(notdir $(lib_so)) $(DESTDIR)$(libdir)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libheddle.so
	@printf '%s\n' 'prefix=$(prefix)' 'libdir=$(libdir)' 'includedir=$(includedir)' '' \
	    'Name: heddle' 'Description: trains neural networks, same bits on any number of cores' \
	    'Version: $(VERSION)' \
	    'Libs: -L$${libdir} -lheddle' 'Libs.private: $(OPENMP_CFLAGS) $(strip $(libs))' \
	    'Cflags: -I$${includedir}' >$(build)/heddle.pc
	$(INSTALL) -m 644 $(build)/heddle.pc $(DESTDIR)$(libdir)/pkgconfig
	@if test -x $(build)/heddle && command -v help2man >/dev/null && help2man --no-info --locale=C.UTF-8 \
	    --name='train neural networks on all cores' -o $(build)/heddle.1 $(build)/heddle; then \
	    $(INSTALL) -d $(DESTDIR)$(mandir)/man1 && \
	    $(INSTALL) -m 644 $(build)/heddle.1 $(DESTDIR)$(mandir)/man1; \
	else echo 'no manual page: help2man is missing or failed'; fi

## uninstall: take away what install put there
uninstall:
	rm -f $(addprefix $(DESTDIR)$(bindir)/,heddle heddle-mpi) $(DESTDIR)$(includedir)/heddle.h \
	    $(addprefix $(DESTDIR)$(libdir)/,libheddle.a libheddle.so $(SONAME) $(notdir $(lib_so)) \
	    pkgconfig/heddle.pc) $(DESTDIR)$(mandir)/man1/heddle.1

# The optional ones are asked for where the distribution has them.
DEPS_apt := gcc libc6-dev make autoconf automake pkgconf libhwloc-dev libcriterion-dev zlib1g-dev \
    libzstd-dev libjansson-dev librandom123-dev $(if $(MPI),libopenmpi-dev openmpi-bin)
DEPS_apt_optional := gnuplot-nox strace help2man dataset-fashion-mnist protobuf-c-compiler \
    libprotobuf-c-dev libonnx-dev
DEPS_dnf := gcc make autoconf automake pkgconf-pkg-config hwloc-devel criterion-devel zlib-devel \
    libzstd-devel jansson-devel Random123-devel gnuplot help2man protobuf-c-compiler \
    protobuf-c-devel onnx-devel $(if $(MPI),openmpi-devel)
DEPS_brew := gcc make autoconf automake pkgconf hwloc criterion zlib zstd jansson random123 gnuplot \
    help2man protobuf-c onnx $(if $(MPI),open-mpi)
root := $(if $(filter 0,$(shell id -u)),,sudo)
apt := $(root) env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300

## deps: install what is needed to build and test (apt, dnf or brew); the only goal that installs
deps: install-deps
	@:

install-deps:
	@if command -v apt-get >/dev/null; then \
	    lacking() { for package; do \
	        dpkg-query -W -f='$${db:Status-Status} ' "$$package" 2>/dev/null | \
	            grep -q '^installed' || echo "$$package"; done; }; \
	    missing=$$(lacking $(DEPS_apt)); optional=$$(lacking $(DEPS_apt_optional)); \
	    test -z "$$missing$$optional" && exit 0; \
	    echo "installing:" $$missing $$optional; \
	    $(apt) update || exit 1; \
	    for package in $$optional; do \
	        apt-cache show "$$package" >/dev/null 2>&1 && missing="$$missing $$package"; done; \
	    test -z "$$missing" || { rm -f $(build)/config.mk; \
	        $(apt) install -y --no-install-recommends $$missing >/dev/null; }; \
	elif command -v dnf >/dev/null; then \
	    missing=$$(for package in $(DEPS_dnf); do \
	        rpm -q "$$package" >/dev/null 2>&1 || echo "$$package"; done); \
	    test -z "$$missing" || $(root) dnf install -y -q --setopt=install_weak_deps=False $$missing; \
	elif command -v brew >/dev/null; then \
	    missing=$$(for package in $(DEPS_brew); do \
	        brew list "$$package" >/dev/null 2>&1 || echo "$$package"; done); \
	    test -z "$$missing" || brew install $$missing; \
	else echo "deps: no apt, dnf or brew here; needed are: $(DEPS_apt)" >&2; exit 1; fi

## format: format all C files with clang-format 14
format:
	$(CLANG_FORMAT) -i $(formatted)

## format-check: is everything formatted? (skipped without clang-format 14)
format-check:
	@command -v $(CLANG_FORMAT) >/dev/null || { echo 'format: skipped, no $(CLANG_FORMAT)'; exit 0; }; \
	bad=0; for file in $(formatted); do $(CLANG_FORMAT) $$file | cmp -s - $$file || \
	    { echo "$$file: not formatted (run 'make format')"; bad=1; }; done; \
	test $$bad = 0 && echo 'format: good'

## layers: does every room include and call only what it may?
layers:
	@$(AWK) -v allowed='$(LAYERS)' -f .ci/layers.awk $(wildcard src/*/*.[ch]) && \
	    echo 'layers: good'

## headers: does every header compile alone?
headers:
	@for header in $(wildcard include/*.h src/*/*.h tests/*.h bench/*.h); do \
	    case $$header in src/cli/*) flags='-Iinclude $(JANSSON_CFLAGS)';; \
	    *) flags='$(lib_flags) -Itests -Ibench $(FLAGS_scalar) $(FLAGS_f32)';; esac; \
	    $(CC) $(base_flags) $$flags -Wno-unused -Werror -fsyntax-only -x c -include $$header \
	        /dev/null || exit 1; done; echo 'headers: good'

## clean: remove the build directories
clean:
	rm -rf build build-* $(build)

## distclean: clean, and remove what autoconf made
distclean: clean
	rm -rf configure configure~ aclocal.m4 autom4te.cache

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1|/p' Makefile | while IFS='|' read -r goal text; do \
	    printf '  %-13s %s\n' "$$goal" "$$text"; done
	@sed -n '/^# Knobs/,/^# CC,/s/^# \{0,1\}//p' Makefile

## showconfig: what this build uses
showconfig:
	@printf '%-11s %s\n' version '$(VERSION)' build '$(build)' compiler '$(CC)' \
	    levels '$(LEVELS)' flags '$(subst ','\'',$(strip $(lib_flags) $(last_flags)))' \
	    kernels '$(fast)' libraries '$(strip $(libs))' MPI '$(with_mpi)' ONNX '$(have_onnx)' prefix '$(prefix)'
