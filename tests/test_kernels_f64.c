/** Tests of src/kernel in double: see kernels_tests.h. */
#define REAL_IS_DOUBLE 1
#include "kernels_tests.h"
