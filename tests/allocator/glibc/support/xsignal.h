// Signals; a call that fails ends the test.
#ifndef SUPPORT_XSIGNAL_H
#define SUPPORT_XSIGNAL_H
#include <signal.h>
typedef void (*support_handler)(int);
support_handler xsignal(int number, support_handler handler);
void xraise(int number);
void xsigaction(int number, const struct sigaction *now, struct sigaction *before);
#endif
