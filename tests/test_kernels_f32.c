/** Tests of src/kernel in float: see kernels_tests.h. */
#define REAL_IS_FLOAT 1
#include "kernels_tests.h"
