// A small server for the tests of grafts: it answers lines, and has a bit of every kind of memory.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static char zeros[1 << 20];
static int counter = 5;
static const char *volatile text = "constant";
static _Thread_local long of_thread = 7;
static char *shared, *private_file;

static void *wait_for_ever(void *unused) {
    char buffer[65536];
    memset(buffer, 3, sizeof buffer);
    text = buffer[100] == 3 ? text : "";
    of_thread = 8;
    for (;;) pause();
    return NULL;
}

// Says how many mappings a child has.
static void fork_one(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int lines = 0, letter;
        FILE *maps = fopen("/proc/self/maps", "r");
        while (maps && (letter = getc(maps)) != EOF) lines += letter == '\n';
        printf("mappings %d\n", lines);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
    pthread_t thread;
    shared = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy(shared, argc > 1 ? argv[1] : "nobody");
    FILE *self = fopen("/bin/true", "r");
    private_file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(self), 0);
    fclose(self);
    private_file[5000] ^= 1;
    memset(zeros + 40000, 1, 100);
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    char *heap = malloc(300000);
    memset(heap, 2, 300000);
    char line[256];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (!strcmp(line, "fork\n")) {
            fork_one();
        } else {
            counter++;
            printf("%d %s %s %d %d\n", counter, shared, text, heap[299999], now.tv_sec > 0);
        }
        puts(".");
        fflush(stdout);
    }
    return 0;
}
