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
#include "journal.h"
#include "release.h"
#include "session.h"
#include "store.h"

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
    void (*run)(struct session *session, char **arguments);
};

static atomic_ulong commands_served;

/* ---- reading arguments ---- */

static bool check_key(struct session *session, const char *key)
{
    size_t length = strlen(key);
    bool good = length >= 1 && length <= KEY_LIMIT;
    for (size_t i = 0; good && i < length; i++)
        good = isgraph((unsigned char)key[i]);
    if (!good)
        session_reply(session, "-KEY a key is 1 to %d printable characters without spaces", KEY_LIMIT);
    return good;
}

static bool check_number(struct session *session, const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    bool good = errno == 0 && end != text && *end == '\0' && !isspace((unsigned char)text[0]);
    if (!good)
        session_reply(session, "-NUMBER expected a whole number of 64 bits");
    return good;
}

/* ---- the session ---- */

static void run_login(struct session *session, char **arguments)
{
    if (session->account != NULL) {
        session_reply(session, "-LOGIN you are %s already", session->account->name);
        return;
    }
    struct account *account = account_check(arguments[0], arguments[1]);
    if (account != NULL) {
        session->account = account;
        session->on_line = command_after_login;
        atomic_fetch_add(&account->logins, 1);
        session_reply(session, "+welcome %s", account->name);
        journal_note("login %s session %u from %s", account->name, session->id, session->peer);
        return;
    }
    session->failed_logins++;
    if (session->failed_logins < FAILED_LOGINS_MAX) {
        session_reply(session, "-DENIED wrong name or password");
    } else {
        session_reply(session, "-DENIED too many tries, goodbye");
        session->closing = true;
        journal_note("denied session %u from %s", session->id, session->peer);
    }
}

static void run_mark(struct session *session, char **arguments)
{
    if (!check_key(session, arguments[0]))
        return;
    for (size_t i = 0; i < session->mark_count; i++) {
        if (strcmp(session->marks[i], arguments[0]) == 0) {
            session_reply(session, "+marked");
            return;
        }
    }
    if (session->mark_count == MARKS_MAX) {
        session_reply(session, "-FULL a session has at most %d marks", MARKS_MAX);
        return;
    }
    session->marks[session->mark_count++] = arena_copy(&session->arena, arguments[0]);
    session_reply(session, "+marked");
}

static void run_marks(struct session *session, char **arguments)
{
    (void)arguments;
    session_reply(session, "*%zu", session->mark_count);
    for (size_t i = 0; i < session->mark_count; i++)
        session_reply(session, "$%s", session->marks[i]);
}

static void run_whoami(struct session *session, char **arguments)
{
    (void)arguments;
    session_reply(session, "+%s session %u commands %lu logins %lu", session->account->name, session->id,
                  session->commands, atomic_load(&session->account->logins));
}

static void run_quit(struct session *session, char **arguments)
{
    (void)arguments;
    session_reply(session, "+goodbye");
    session->closing = true;
}

/* ---- keys ---- */

static void reply_missing(struct session *session)
{
    session_reply(session, "_");
}

static void run_set(struct session *session, char **arguments)
{
    if (!check_key(session, arguments[0]))
        return;
    store_lock();
    struct item *item = store_find_or_add(arguments[0]);
    value_set_text(&item->value, arguments[1]);
    store_unlock();
    session_reply(session, "+stored");
    journal_note("set %s by %s", arguments[0], session->account->name);
}

static void reply_value(struct session *session, const struct value *value)
{
    switch (value->kind) {
    case VALUE_TEXT:
        session_reply(session, "$%s", value->as.text);
        break;
    case VALUE_NUMBER:
        session_reply(session, ":%" PRId64, value->as.number);
        break;
    case VALUE_LIST:
        session_reply(session, "*%zu", value->as.list.length);
        for (struct text_node *node = value->as.list.first; node != NULL; node = node->next)
            session_reply(session, "$%s", node->text);
        break;
    }
}

static void run_get(struct session *session, char **arguments)
{
    store_lock();
    struct item *item = store_find(arguments[0]);
    if (item == NULL)
        reply_missing(session);
    else
        reply_value(session, &item->value);
    store_unlock();
}

static void run_delete(struct session *session, char **arguments)
{
    store_lock();
    struct item *item = store_find(arguments[0]);
    if (item != NULL)
        store_remove(item);
    store_unlock();
    session_reply(session, ":%d", item != NULL);
    if (item != NULL)
        journal_note("delete %s by %s", arguments[0], session->account->name);
}

static void run_add(struct session *session, char **arguments)
{
    int64_t more;
    int64_t sum;
    if (!check_key(session, arguments[0]) || !check_number(session, arguments[1], &more))
        return;
    store_lock();
    struct item *item = store_find_or_add(arguments[0]);
    struct value *value = &item->value;
    if (value->kind != VALUE_NUMBER) {
        session_reply(session, "-KIND %s does not hold a number", arguments[0]);
    } else if (__builtin_add_overflow(value->as.number, more, &sum)) {
        session_reply(session, "-RANGE the sum does not fit 64 bits");
    } else {
        value_set_number(value, sum);
        session_reply(session, ":%" PRId64, sum);
    }
    store_unlock();
}

static void run_push(struct session *session, char **arguments)
{
    if (!check_key(session, arguments[0]))
        return;
    store_lock();
    struct item *item = store_find(arguments[0]);
    if (item == NULL) {
        item = store_find_or_add(arguments[0]);
        value_set_empty_list(&item->value);
    }
    struct value *value = &item->value;
    if (value->kind != VALUE_LIST) {
        session_reply(session, "-KIND %s does not hold a list", arguments[0]);
    } else if (value->as.list.length == LIST_LIMIT) {
        session_reply(session, "-FULL a list has at most %d texts", LIST_LIMIT);
    } else {
        value_push(value, arguments[1]);
        session_reply(session, ":%zu", value->as.list.length);
    }
    store_unlock();
}

static void run_expire(struct session *session, char **arguments)
{
    int64_t ms;
    if (!check_number(session, arguments[1], &ms))
        return;
    if (ms < 1 || ms > EXPIRE_LIMIT_MS) {
        session_reply(session, "-RANGE expected milliseconds, from 1 to a year of them");
        return;
    }
    store_lock();
    struct item *item = store_find(arguments[0]);
    if (item != NULL)
        store_set_deadline(item, clock_ms() + ms);
    store_unlock();
    session_reply(session, ":%d", item != NULL);
}

/* -1: it never expires. */
static int64_t ms_left(const struct item *item)
{
    if (item->deadline_ms == 0)
        return -1;
    int64_t left_ms = item->deadline_ms - clock_ms();
    return left_ms > 0 ? left_ms : 0; /* it was not over when it was found, but time goes on */
}

static void run_ttl(struct session *session, char **arguments)
{
    store_lock();
    struct item *item = store_find(arguments[0]);
    if (item == NULL)
        reply_missing(session);
    else
        session_reply(session, ":%" PRId64, ms_left(item));
    store_unlock();
}

/* ---- the server ---- */

static void run_stats(struct session *session, char **arguments)
{
    (void)arguments;
    store_lock();
    struct store_counts counts = store_counts();
    store_unlock();
    session_reply(session, "*9");
    session_reply(session, "$release " RELEASE);
    session_reply(session, "$sessions %zu", worker_session_count());
    session_reply(session, "$commands %lu", atomic_load(&commands_served));
    session_reply(session, "$keys %zu", counts.items);
    session_reply(session, "$hits %lu", counts.hits);
    session_reply(session, "$misses %lu", counts.misses);
    session_reply(session, "$evicted %lu", counts.evicted);
    session_reply(session, "$expired %lu", counts.expired);
    session_reply(session, "$journal_dropped %lu", journal_dropped());
}

static void run_help(struct session *session, char **arguments);

static const struct command commands[] = {
    { "ADD", " KEY NUMBER", 2, false, run_add },
    { "DELETE", " KEY", 1, false, run_delete },
    { "EXPIRE", " KEY MILLISECONDS", 2, false, run_expire },
    { "GET", " KEY", 1, false, run_get },
    { "HELP", "", 0, true, run_help },
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

static void run_help(struct session *session, char **arguments)
{
    (void)arguments;
    session_reply(session, "*%d", COMMANDS);
    for (int i = 0; i < COMMANDS; i++)
        session_reply(session, "$%s%s", commands[i].name, commands[i].usage);
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

static void run_line(struct session *session, char *line, bool logged_in)
{
    session->commands++;
    atomic_fetch_add(&commands_served, 1);

    char *arguments[ARGUMENTS_MAX];
    char *rest = cut_word(line);
    const struct command *command = find_command(line);
    if (command == NULL)
        session_reply(session, "-UNKNOWN there is no such command; HELP lists them");
    else if (!logged_in && !command->before_login)
        session_reply(session, "-LOGIN first: LOGIN NAME PASSWORD");
    else if (!cut_arguments(command, rest, arguments))
        session_reply(session, "-USAGE %s%s", command->name, command->usage);
    else
        command->run(session, arguments);
}

void command_before_login(struct session *session, char *line)
{
    run_line(session, line, false);
}

void command_after_login(struct session *session, char *line)
{
    run_line(session, line, true);
}
