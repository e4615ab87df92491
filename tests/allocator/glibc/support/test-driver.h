// What tests are told of how they run, and how they say that they do not apply.
#ifndef SUPPORT_TEST_DRIVER_H
#define SUPPORT_TEST_DRIVER_H
#include <stdio.h>
#include <time.h>
enum { EXIT_UNSUPPORTED = 77 };
// Seconds.
#define DEFAULT_TIMEOUT 20
static int test_verbose __attribute__((unused));
static const char *const test_dir __attribute__((unused)) = "/tmp";
int support_failures(void);
void support_record_failure(void);
#define verbose_printf(...) ((void)(test_verbose && printf(__VA_ARGS__)))
#endif
