/* Who may log in. Read once at start; afterwards only the count of logins changes. */
#pragma once

#include <stdatomic.h>

struct account {
    struct account *next;
    char *name;
    char *password;
    atomic_ulong logins; /* by any session, on either worker */
};

/* One `name:password` a line; without a file (NULL) the accounts ada:lovelace and grace:hopper. */
void accounts_load(const char *path);
void accounts_free(void);

struct account *account_check(const char *name, const char *password); /* NULL: no such pair */
