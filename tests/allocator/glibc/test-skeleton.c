// Older tests define a function or an expression TEST_FUNCTION.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <support/support.h>
#include <support/xthread.h>
#include <support/test-driver.h>
#ifndef TEST_FUNCTION
#define TEST_FUNCTION do_test()
#endif
static int run_test(void) { return TEST_FUNCTION; }
#include <support/runner.h>
