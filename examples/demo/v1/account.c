#include "account.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static struct account *accounts;

static void add(const char *name, const char *password)
{
    struct account *account = xmalloc(sizeof *account);
    account->next = accounts;
    account->name = xstrdup(name);
    account->password = xstrdup(password);
    atomic_init(&account->logins, 0);
    accounts = account;
}

void accounts_load(const char *path)
{
    if (path == NULL) {
        add("ada", "lovelace");
        add("grace", "hopper");
        return;
    }

    FILE *file = fopen(path, "re");
    if (file == NULL)
        die("cannot open %s: %s", path, strerror(errno));
    char line[256];
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0')
            continue;
        char *colon = strchr(line, ':');
        if (colon == NULL || colon == line)
            die("%s:%d: expected name:password", path, number);
        *colon = '\0';
        add(line, colon + 1);
    }
    if (ferror(file))
        die("cannot read %s: %s", path, strerror(errno));
    fclose(file);
}

void accounts_free(void)
{
    while (accounts != NULL) {
        struct account *account = accounts;
        accounts = account->next;
        free(account->name);
        free(account->password);
        free(account);
    }
}

/* Takes as long for a wrong first letter as for a wrong last one, so that the time tells nothing. */
static bool same_password(const char *typed, const char *wanted)
{
    size_t wanted_length = strlen(wanted);
    bool same = true;
    for (; *typed != '\0'; typed++) {
        same &= *typed == *wanted;
        wanted += *wanted != '\0';
        wanted_length -= wanted_length != 0;
    }
    return same && wanted_length == 0;
}

struct account *account_check(const char *name, const char *password)
{
    for (struct account *account = accounts; account != NULL; account = account->next)
        if (strcmp(account->name, name) == 0)
            return same_password(password, account->password) ? account : NULL;
    return NULL;
}
