#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "account.h"
#include "clock.h"
#include "connection.h"
#include "journal.h"
#include "release.h"
#include "session.h"
#include "store.h"
#include "worker.h"

enum {
    ARGUMENTS_MAX = 2,
    KEY_LIMIT = 64,
    LIST_LIMIT = 1024,
    FAILED_LOGINS_MAX = 3,
};
static const int64_t EXPIRE_LIMIT_MS = INT64_C(365) * 24 * 60 * 60 * 1000;

struct command {
    const char *name;
    const char *usage; /* its arguments, as HELP shows them */
    int arguments;     /* how many; the last one is the rest of the line, spaces and all */
    bool before_login;
    void (*run)(struct connection *connection, char **arguments);
};

static struct {
    atomic_ulong commands;
    atomic_ulong logins;
} stats;

/* ---- reading arguments ---- */

static bool check_key(struct connection *connection, const char *key)
{
    size_t length = strlen(key);
    bool good = length >= 1 && length <= KEY_LIMIT;
    for (size_t i = 0; good && i < length; i++)
        good = isgraph((unsigned char)key[i]);
    if (!good)
        connection_reply(connection, "-KEY a key is 1 to %d printable characters without spaces", KEY_LIMIT);
    return good;
}

static bool check_number(struct connection *connection, const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    bool good = errno == 0 && end != text && *end == '\0' && !isspace((unsigned char)text[0]);
    if (!good)
        connection_reply(connection, "-NUMBER expected a whole number of 64 bits");
    return good;
}

/* ---- the session ---- */

static void run_login(struct connection *connection, char **arguments)
{
    struct session *session = connection->session;
    char peer[PEER_BYTES];
    if (session->account != NULL) {
        connection_reply(connection, "-LOGIN you are %s already", session->account->name);
        return;
    }
    struct account *account = account_check(arguments[0], arguments[1]);
    if (account != NULL) {
        session->account = account;
        session->on_line = command_after_login;
        atomic_fetch_add(&account->logins, 1);
        atomic_fetch_add(&stats.logins, 1);
        connection_reply(connection, "+welcome %s", account->name);
        journal_note("login %s session %u from %s", account->name, session->id,
                     connection_peer(connection, peer));
        return;
    }
    session->failed_logins++;
    if (session->failed_logins < FAILED_LOGINS_MAX) {
        connection_reply(connection, "-DENIED wrong name or password");
    } else {
        connection_reply(connection, "-DENIED too many tries, goodbye");
        connection->closing = true;
        journal_note("denied session %u from %s", session->id, connection_peer(connection, peer));
    }
}

static void run_mark(struct connection *connection, char **arguments)
{
    if (!check_key(connection, arguments[0]))
        return;
    if (session_mark(connection->session, arguments[0]))
        connection_reply(connection, "+marked");
    else
        connection_reply(connection, "-FULL a session has at most %d marks", MARKS_MAX);
}

static void run_marks(struct connection *connection, char **arguments)
{
    (void)arguments;
    connection_reply(connection, "*%zu", connection->session->mark_count);
    for (struct mark *mark = connection->session->marks; mark != NULL; mark = mark->next)
        connection_reply(connection, "$%s", mark->key);
}

static void run_whoami(struct connection *connection, char **arguments)
{
    (void)arguments;
    struct session *session = connection->session;
    connection_reply(connection, "+%s session %u commands %lu logins %lu seconds %" PRId64, session->account->name,
                     session->id, session->commands, atomic_load(&session->account->logins),
                     (clock_ms() - session->since_ms) / 1000);
}

static void run_quit(struct connection *connection, char **arguments)
{
    (void)arguments;
    connection_reply(connection, "+goodbye");
    connection->closing = true;
}

/* ---- keys ---- */

static void reply_missing(struct connection *connection)
{
    connection_reply(connection, "_");
}

static void run_set(struct connection *connection, char **arguments)
{
    if (!check_key(connection, arguments[0]))
        return;
    store_lock();
    struct entry *entry = store_find_or_add(arguments[0]);
    value_set_text(&entry->value, arguments[1]);
    store_set_deadline(entry, 0); /* release 1 left the old value's: the new one vanished with it */
    entry->revision++;
    store_unlock();
    connection_reply(connection, "+stored");
    journal_note("set %s by %s", arguments[0], connection->session->account->name);
}

static void reply_value(struct connection *connection, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NONE:
        reply_missing(connection);
        break;
    case VALUE_TEXT:
        connection_reply(connection, "$%s", value->as.text);
        break;
    case VALUE_NUMBER:
        connection_reply(connection, ":%" PRId64, value->as.number);
        break;
    case VALUE_LIST:
        connection_reply(connection, "*%zu", value->as.list.length);
        for (struct text_node *node = value->as.list.first; node != NULL; node = node->next)
            connection_reply(connection, "$%s", node->text);
        break;
    }
}

static void run_get(struct connection *connection, char **arguments)
{
    store_lock();
    struct entry *entry = store_find(arguments[0]);
    if (entry == NULL)
        reply_missing(connection);
    else
        reply_value(connection, &entry->value);
    store_unlock();
}

static void run_delete(struct connection *connection, char **arguments)
{
    store_lock();
    struct entry *entry = store_find(arguments[0]);
    if (entry != NULL)
        store_remove(entry);
    store_unlock();
    connection_reply(connection, ":%d", entry != NULL);
    if (entry != NULL)
        journal_note("delete %s by %s", arguments[0], connection->session->account->name);
}

static void run_add(struct connection *connection, char **arguments)
{
    int64_t more;
    int64_t sum;
    if (!check_key(connection, arguments[0]) || !check_number(connection, arguments[1], &more))
        return;
    store_lock();
    struct entry *entry = store_find_or_add(arguments[0]);
    struct value *value = &entry->value;
    if (value->kind == VALUE_NONE)
        value_set_number(value, 0);
    if (value->kind != VALUE_NUMBER) {
        connection_reply(connection, "-KIND %s does not hold a number", arguments[0]);
    } else if (__builtin_add_overflow(value->as.number, more, &sum)) {
        connection_reply(connection, "-RANGE the sum does not fit 64 bits");
    } else {
        value_set_number(value, sum);
        entry->revision++;
        connection_reply(connection, ":%" PRId64, sum);
    }
    store_unlock();
}

static void run_push(struct connection *connection, char **arguments)
{
    if (!check_key(connection, arguments[0]))
        return;
    store_lock();
    struct entry *entry = store_find_or_add(arguments[0]);
    struct value *value = &entry->value;
    if (value->kind == VALUE_NONE)
        value_set_empty_list(value);
    if (value->kind != VALUE_LIST) {
        connection_reply(connection, "-KIND %s does not hold a list", arguments[0]);
    } else if (value->as.list.length == LIST_LIMIT) {
        connection_reply(connection, "-FULL a list has at most %d texts", LIST_LIMIT);
    } else {
        value_push(value, arguments[1]);
        entry->revision++;
        connection_reply(connection, ":%zu", value->as.list.length);
    }
    store_unlock();
}

static void run_expire(struct connection *connection, char **arguments)
{
    int64_t ms;
    if (!check_number(connection, arguments[1], &ms))
        return;
    if (ms < 1 || ms > EXPIRE_LIMIT_MS) {
        connection_reply(connection, "-RANGE expected milliseconds, from 1 to a year of them");
        return;
    }
    store_lock();
    struct entry *entry = store_find(arguments[0]);
    if (entry != NULL)
        store_set_deadline(entry, clock_ms() + ms);
    store_unlock();
    connection_reply(connection, ":%d", entry != NULL);
}

/* -1: it never expires. */
static int64_t ms_left(const struct entry *entry)
{
    if (entry->deadline_ms == 0)
        return -1;
    int64_t left_ms = entry->deadline_ms - clock_ms();
    return left_ms > 0 ? left_ms : 0; /* it was not over when it was found, but time goes on */
}

static void run_ttl(struct connection *connection, char **arguments)
{
    store_lock();
    struct entry *entry = store_find(arguments[0]);
    if (entry == NULL)
        reply_missing(connection);
    else
        connection_reply(connection, ":%" PRId64, ms_left(entry));
    store_unlock();
}

static const char *kind_name(enum value_kind kind)
{
    switch (kind) {
    case VALUE_NONE:
        return "none";
    case VALUE_TEXT:
        return "text";
    case VALUE_NUMBER:
        return "number";
    case VALUE_LIST:
        return "list";
    }
    return "unknown";
}

static void run_info(struct connection *connection, char **arguments)
{
    store_lock();
    struct entry *entry = store_find(arguments[0]);
    if (entry == NULL)
        reply_missing(connection);
    else
        connection_reply(connection, "+%s revision %" PRIu64 " ttl %" PRId64, kind_name(entry->value.kind),
                         entry->revision, ms_left(entry));
    store_unlock();
}

/* ---- the server ---- */

static void run_stats(struct connection *connection, char **arguments)
{
    (void)arguments;
    store_lock();
    struct store_counts counts = store_counts();
    store_unlock();
    connection_reply(connection, "*10");
    connection_reply(connection, "$release " RELEASE);
    connection_reply(connection, "$sessions %zu", worker_connection_count());
    connection_reply(connection, "$commands %lu", atomic_load(&stats.commands));
    connection_reply(connection, "$logins %lu", atomic_load(&stats.logins));
    connection_reply(connection, "$keys %zu", counts.entries);
    connection_reply(connection, "$hits %lu", counts.hits);
    connection_reply(connection, "$misses %lu", counts.misses);
    connection_reply(connection, "$evicted %lu", counts.evicted);
    connection_reply(connection, "$expired %lu", counts.expired);
    connection_reply(connection, "$journal_dropped %lu", journal_dropped());
}

static void run_help(struct connection *connection, char **arguments);

static const struct command commands[] = {
    { "ADD", " KEY NUMBER", 2, false, run_add },
    { "DELETE", " KEY", 1, false, run_delete },
    { "EXPIRE", " KEY MILLISECONDS", 2, false, run_expire },
    { "GET", " KEY", 1, false, run_get },
    { "HELP", "", 0, true, run_help },
    { "INFO", " KEY", 1, false, run_info },
    { "LOGIN", " NAME PASSWORD", 2, true, run_login },
    { "MARK", " KEY", 1, false, run_mark },
    { "MARKS", "", 0, false, run_marks },
    { "PUSH", " KEY TEXT", 2, false, run_push },
    { "QUIT", "", 0, true, run_quit },
    { "SET", " KEY TEXT", 2, false, run_set },
    { "STATS", "", 0, false, run_stats },
    { "TTL", " KEY", 1, false, run_ttl },
    { "WHOAMI", "", 0, false, run_whoami },
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void run_help(struct connection *connection, char **arguments)
{
    (void)arguments;
    connection_reply(connection, "*%d", COMMANDS);
    for (int i = 0; i < COMMANDS; i++)
        connection_reply(connection, "$%s%s", commands[i].name, commands[i].usage);
}

/* ---- running a line ---- */

/* Cuts `line` after its first word. The rest of it, or NULL if there was only one word. */
static char *cut_word(char *line)
{
    char *space = strchr(line, ' ');
    if (space == NULL)
        return NULL;
    *space = '\0';
    return space + 1;
}

static bool cut_arguments(const struct command *command, char *rest, char **arguments)
{
    for (int i = 0; i < command->arguments; i++) {
        if (rest == NULL)
            return false;
        arguments[i] = rest;
        rest = i + 1 < command->arguments ? cut_word(rest) : NULL;
    }
    return rest == NULL;
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcasecmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void run_line(struct connection *connection, char *line, bool logged_in)
{
    connection->session->commands++;
    atomic_fetch_add(&stats.commands, 1);

    char *arguments[ARGUMENTS_MAX];
    char *rest = cut_word(line);
    const struct command *command = find_command(line);
    if (command == NULL)
        connection_reply(connection, "-UNKNOWN there is no such command; HELP lists them");
    else if (!logged_in && !command->before_login)
        connection_reply(connection, "-LOGIN first: LOGIN NAME PASSWORD");
    else if (!cut_arguments(command, rest, arguments))
        connection_reply(connection, "-USAGE %s%s", command->name, command->usage);
    else
        command->run(connection, arguments);
}

void command_before_login(struct connection *connection, char *line)
{
    run_line(connection, line, false);
}

void command_after_login(struct connection *connection, char *line)
{
    run_line(connection, line, true);
}
