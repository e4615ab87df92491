/*
 * The journal of what clients did, written by a helper process, so that no client ever waits for the disk. The server
 * sends it one record a message over a socket pair and never blocks on it: when the disk cannot keep up, records are
 * dropped and counted. The helper ends by itself when the server's end of the pair is closed, however that comes about.
 */
#pragma once

#include <sys/types.h>

void journal_start(const char *path); /* forks: to be called before any thread is started */
void journal_stop(void);              /* returns when all that was sent is written and the helper is gone */
void journal_helper_ended(void);      /* to be called on SIGCHLD */

void journal_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
unsigned long journal_dropped(void);
