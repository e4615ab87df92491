#define _GNU_SOURCE
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

enum { RECORD_BYTES = 256 };

/* What the helper knows. */
struct journal {
    int file;
    unsigned long records;
};

static int server_end = -1;
static pid_t helper;
static atomic_ulong dropped;

static void write_record(struct journal *journal, const char *text, size_t length)
{
    char line[RECORD_BYTES + 64];
    int size = snprintf(line, sizeof line, "%lu %lld %.*s\n", journal->records + 1, (long long)time(NULL),
                        (int)length, text);
    for (const char *at = line; size > 0;) {
        ssize_t written = write(journal->file, at, (size_t)size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            die("cannot write the journal: %s", strerror(errno));
        at += written;
        size -= (int)written;
    }
    journal->records++;
}

static void helper_main(struct journal *journal, int helper_end)
{
    /* A signal to the whole group is the server's to act on: the helper follows when its pair is closed. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    for (;;) {
        char record[RECORD_BYTES];
        ssize_t length = recv(helper_end, record, sizeof record, 0);
        if (length > 0)
            write_record(journal, record, (size_t)length);
        else if (length == 0)
            return;
        else if (errno != EINTR)
            die("the helper cannot hear the server: %s", strerror(errno));
    }
}

void journal_start(const char *path)
{
    struct journal journal = { .file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) };
    if (journal.file < 0)
        die("cannot open %s: %s", path, strerror(errno));
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        die("cannot make a socket pair: %s", strerror(errno));

    helper = fork();
    if (helper < 0)
        die("cannot fork the helper: %s", strerror(errno));
    if (helper == 0) {
        close(pair[0]);
        helper_main(&journal, pair[1]);
        _exit(EXIT_SUCCESS);
    }
    close(pair[1]);
    close(journal.file);
    server_end = pair[0];
}

void journal_stop(void)
{
    close(server_end);
    if (helper != 0)
        while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
            ;
}

void journal_helper_ended(void)
{
    if (helper != 0 && waitpid(helper, NULL, WNOHANG) == helper) {
        helper = 0;
        fputs("larder: the helper has ended; going on without a journal\n", stderr);
    }
}

void journal_note(const char *format, ...)
{
    char record[RECORD_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(record, sizeof record, format, arguments);
    va_end(arguments);
    if (length >= RECORD_BYTES)
        length = RECORD_BYTES - 1;
    if (length > 0 && send(server_end, record, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        atomic_fetch_add(&dropped, 1);
}

unsigned long journal_dropped(void)
{
    return atomic_load(&dropped);
}
