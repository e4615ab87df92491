// Newer tests define a function do_test, or another named by TEST_FUNCTION.
#include <support/test-driver.h>
#ifndef TEST_FUNCTION
#define TEST_FUNCTION do_test
#endif
#ifdef TEST_FUNCTION_ARGV
static int run_test(void) {
    static char *words[] = {"test", 0};
    return TEST_FUNCTION_ARGV(1, words);
}
#else
static int run_test(void) { return TEST_FUNCTION(); }
#endif
#include <support/runner.h>
