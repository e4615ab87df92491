// A server with two workers and a child of another kind, that share a page. It prints the workers' ids, the other child's, the address of
// the page, and waits, as they do, until its input ends. With an argument it makes so many blocks of 1 MiB, all written to.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct item {
    struct item *next;
    long number;
};

static struct item *items;
static char *page;

static void make(int count)
{
    for (int number = 0; number < count; number++) {
        struct item *item = malloc(sizeof *item);
        item->next = items;
        item->number = number;
        items = item;
    }
}

static void wait_for_the_end(void)
{
    char byte;
    while (read(0, &byte, 1) > 0)
        if (write(1, &byte, 1) != 1)
            break;
}

static pid_t worker(int count)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    make(count);
    wait_for_the_end();
    _exit(items->number < 0);
}

int main(int argc, char **argv)
{
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 1;
    strcpy(page, "what all of them see");
    make(100);
    for (int left = argc > 1 ? atoi(argv[1]) : 0; left > 0; left--)
        memset(malloc(1 << 20), left, 1 << 20);
    pid_t first = worker(10), second = worker(20), other = fork();
    if (other == 0) {
        char *empty[] = { NULL };
        execle("/bin/cat", "cat", NULL, empty);
        _exit(127);
    }
    printf("%d %d %d %p\n", first, second, other, (void *)page);
    fflush(stdout);
    wait_for_the_end();
    while (wait(NULL) > 0)
        ;
    return 0;
}
