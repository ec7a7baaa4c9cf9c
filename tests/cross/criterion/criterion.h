/**
 * criterion.h: as much of Criterion's interface as the tests of the kernels need, for a processor
 * that this machine is not (long_neon.sh) and has no Criterion for. Tests are run one after the
 * other; the first that fails ends the program.
 */
#ifndef TESTS_CROSS_CRITERION_H
#define TESTS_CROSS_CRITERION_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct criterion_test_params {
    size_t size, length;
    void *params;
};

/** A test for each of its parameters, in a list that main.c walks. */
struct cross_test {
    const char *name;
    struct criterion_test_params (*params)(void);
    void (*run)(void *param);
    struct cross_test *next;
};
extern struct cross_test *cross_tests;
extern jmp_buf cross_skipped;

#define cr_assert(condition, ...)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, " " __VA_ARGS__);                                                      \
            fputc('\n', stderr);                                                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)
#define cr_assert_str_eq(a, b) cr_assert(strcmp(a, b) == 0, "'%s', not '%s'", a, b)
#define cr_skip_test(...) longjmp(cross_skipped, 1)
#define cr_make_param_array(type, array, count)                                                    \
    ((struct criterion_test_params){sizeof(type), (count), (array)})

#define ParameterizedTestParameters(suite, name)                                                   \
    static struct criterion_test_params suite##_##name##_params(void)
#define ParameterizedTest(param, suite, name)                                                      \
    static void suite##_##name##_test(param);                                                      \
    static void suite##_##name##_run(void *at)                                                     \
    {                                                                                              \
        suite##_##name##_test(at);                                                                 \
    }                                                                                              \
    __attribute__((constructor)) static void suite##_##name##_add(void)                            \
    {                                                                                              \
        static struct cross_test test = {#suite "/" #name, suite##_##name##_params,                \
                                         suite##_##name##_run, NULL};                              \
        test.next = cross_tests;                                                                   \
        cross_tests = &test;                                                                       \
    }                                                                                              \
    static void suite##_##name##_test(param)

#endif
