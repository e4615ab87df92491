// A redis module that leaks: each call of `remember NAME` makes a note of who called, keeps it in a list, and nobody ever takes it out.
// And one that does not: `recall` makes a note and frees it. Of redis's interface only as much is declared as is needed.
#include <stdlib.h>
#include <string.h>

typedef struct RedisModuleCtx RedisModuleCtx;
typedef struct RedisModuleString RedisModuleString;
typedef int (*Command)(RedisModuleCtx *, RedisModuleString **, int);

static int (*get_api)(const char *, void *);
static int (*create_command)(RedisModuleCtx *, const char *, Command, const char *, int, int, int);
static int (*set_attributes)(RedisModuleCtx *, const char *, int, int);
static int (*reply_with_number)(RedisModuleCtx *, long long);
static const char *(*text_of)(const RedisModuleString *, size_t *);

struct note {
    struct note *next;
    char *text;
    long number;
};

static struct note *notes;
static long count;

static struct note *make_note(const RedisModuleString *name)
{
    size_t length;
    const char *text = text_of(name, &length);
    struct note *note = malloc(sizeof *note);
    note->text = malloc(length + 1);
    memcpy(note->text, text, length);
    note->text[length] = 0;
    note->number = ++count;
    return note;
}

static int remember(RedisModuleCtx *ctx, RedisModuleString **arguments, int many)
{
    if (many < 2)
        return reply_with_number(ctx, -1);
    struct note *note = make_note(arguments[1]);
    note->next = notes;
    notes = note;
    return reply_with_number(ctx, count);
}

static int recall(RedisModuleCtx *ctx, RedisModuleString **arguments, int many)
{
    if (many < 2)
        return reply_with_number(ctx, -1);
    struct note *note = make_note(arguments[1]);
    long number = note->number;
    free(note->text);
    free(note);
    return reply_with_number(ctx, number);
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **arguments, int many)
{
    (void)arguments, (void)many;
    // The context begins with the function that knows all others by name.
    memcpy(&get_api, ctx, sizeof get_api);
    get_api("RedisModule_CreateCommand", &create_command);
    get_api("RedisModule_SetModuleAttribs", &set_attributes);
    get_api("RedisModule_ReplyWithLongLong", &reply_with_number);
    get_api("RedisModule_StringPtrLen", &text_of);
    set_attributes(ctx, "leaking", 1, 1);
    return create_command(ctx, "remember", remember, "", 0, 0, 0) || create_command(ctx, "recall", recall, "", 0, 0, 0);
}
