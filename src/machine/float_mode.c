/*
 * float_mode: MXCSR on x86, FPCR on aarch64, <fenv.h> elsewhere.
 *
 * fesetenv(FE_DFL_ENV) would do on some systems only: glibc has left FTZ and DAZ alone in one
 * release and cleared them in another.
 */
#include "machine/float_mode.h"

#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE2__))

#include <xmmintrin.h>

/* All six traps masked, all else 0: round to nearest (bits 13, 14), FTZ (15) and DAZ (6) off. */
#define MODE_DEFAULT 0x1f80U
/* Bits 0 to 5 only tell which exceptions have happened. */
#define MODE_FLAGS 0x3fU

static uint64_t mode_get(void)
{
    return _mm_getcsr();
}

static void mode_set(uint64_t bits)
{
    _mm_setcsr((unsigned)bits);
}

#elif defined(__aarch64__)

/* Rounding (22, 23), FZ (24), DN (25), FZ16 (19) and the traps (8 to 15) are all off when 0. */
#define MODE_DEFAULT 0U
#define MODE_FLAGS 0U

static uint64_t mode_get(void)
{
    uint64_t bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
    return bits;
}

static void mode_set(uint64_t bits)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(bits) : "memory");
}

#else

#include <fenv.h>

#define MODE_DEFAULT ((uint64_t)FE_TONEAREST)
#define MODE_FLAGS 0U

static uint64_t mode_get(void)
{
    return (uint64_t)fegetround();
}

static void mode_set(uint64_t bits)
{
    (void)fesetround((int)bits);
}

#endif

struct float_mode float_mode_force(void)
{
    struct float_mode found = {mode_get()};
    mode_set(MODE_DEFAULT);
    return found;
}

void float_mode_restore(struct float_mode mode)
{
    mode_set(mode.bits);
}

bool float_mode_ok(void)
{
    return (mode_get() & ~(uint64_t)MODE_FLAGS) == MODE_DEFAULT;
}
