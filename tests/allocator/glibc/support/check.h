// Checks that count failures and let the test go on, or end it.
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/test-driver.h>
#define FAIL(...) \
    do { \
        printf("%s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__); \
        putchar('\n'); \
        support_record_failure(); \
    } while (0)
#define FAIL_RET(...) \
    do { \
        FAIL(__VA_ARGS__); \
        return 1; \
    } while (0)
#define FAIL_EXIT(status, ...) \
    do { \
        FAIL(__VA_ARGS__); \
        exit(status); \
    } while (0)
#define FAIL_EXIT1(...) FAIL_EXIT(1, __VA_ARGS__)
#define FAIL_UNSUPPORTED(...) FAIL_EXIT(EXIT_UNSUPPORTED, __VA_ARGS__)
#define TEST_VERIFY(condition) \
    do { \
        if (!(condition)) FAIL("not true: %s", #condition); \
    } while (0)
#define TEST_VERIFY_EXIT(condition) \
    do { \
        if (!(condition)) FAIL_EXIT1("not true: %s", #condition); \
    } while (0)
#define TEST_COMPARE(left, right) \
    do { \
        long long left_value = (long long)(left), right_value = (long long)(right); \
        if (left_value != right_value) FAIL("%s is %lld, %s is %lld", #left, left_value, #right, right_value); \
    } while (0)
#define TEST_COMPARE_STRING(left, right) TEST_VERIFY(!strcmp((left), (right)))
#define TEST_COMPARE_BLOB(left, left_size, right, right_size) \
    TEST_VERIFY((left_size) == (right_size) && !memcmp((left), (right), (left_size)))
#endif
