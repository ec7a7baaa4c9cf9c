/** kernel_name: KERNEL(affine) is affine_f32_avx512, as the build says which this object is. */
#ifndef KERNEL_KERNEL_NAME_H
#define KERNEL_KERNEL_NAME_H

#include "base/real.h"

#define KERNEL_PASTE(name, isa) name##_##isa
#define KERNEL_EXPAND(name, isa) KERNEL_PASTE(name, isa)
#define KERNEL(name) KERNEL_EXPAND(REAL(name), KERNEL_ISA)

/** The same level's object for doubles: normals_f64_avx512. */
#define KERNEL_F64(name) KERNEL_EXPAND(name##_f64, KERNEL_ISA)

#define KERNEL_TEXT(isa) #isa
#define KERNEL_ISA_TEXT(isa) KERNEL_TEXT(isa)

#endif
