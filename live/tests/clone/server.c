/* A program that notices whatever is not as it should be.
 *
 *     server [heap=MEGABYTES] [children] [signalfd] [filter] [limit] [interrupted]
 *
 * limit: it may make no more processes. interrupted: epoll_wait may be, as by SIGCONT after SIGSTOP.
 *
 * Its threads compute with floating-point numbers and integers, wait with and without a time limit, and, when asked, make children and
 * wait for them. At the start it tells the descriptors of a pipe, and where its
 * main thread has what the kernel writes to whenever the thread is scheduled. A line on standard input is answered:
 *
 *     check    "fine", or what was wrong first
 *     close    closes both ends of its pipe
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic(const char *) amiss;
static volatile unsigned long rounds[8];

static void wrong(const char *what)
{
    const char *none = NULL;
    __atomic_compare_exchange_n(&amiss, &none, what, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* A value that passes through registers all the time; the same each time. */
static double logistic(void)
{
    double x = 0.31, y = 0.77, z = 0.13;
    for (int i = 0; i < 20000; i++) {
        x = 3.99 * x * (1.0 - x);
        y = 3.97 * y * (1.0 - y);
        z = 3.95 * z * (1.0 - z) + 0.000001 * x;
    }
    return x + y + z;
}

static uint64_t mix(void)
{
    uint64_t a = 1, b = 2, c = 3, d = 4;
    for (int i = 0; i < 20000; i++) {
        a = a * 6364136223846793005u + b;
        b = (b << 7 | b >> 57) ^ c;
        c += d * a;
        d ^= a >> 13;
    }
    return a ^ b ^ c ^ d;
}

static void *compute(void *unused)
{
    (void)unused;
    double expected = logistic();
    uint64_t mixed = mix();
    for (;; rounds[0]++) {
        if (logistic() != expected)
            wrong("a floating-point register");
        if (mix() != mixed)
            wrong("a register");
    }
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int interrupted;

static void *wait_for_events(void *unused)
{
    (void)unused;
    int epoll = epoll_create1(0);
    struct epoll_event event;
    for (;; rounds[1]++)
        if (epoll_wait(epoll, &event, 1, 5) != 0 && !(interrupted && errno == EINTR))
            wrong(errno == EINTR ? "epoll_wait was interrupted" : "epoll_wait");
    return NULL;
}

static void *sleep_a_while(void *unused)
{
    (void)unused;
    for (;; rounds[2]++) {
        struct timespec t = {0, 3000000};
        double start = now();
        if (nanosleep(&t, NULL) != 0)
            wrong("nanosleep was interrupted");
        if (now() - start < 0.0029)
            wrong("nanosleep was too short");
        if (poll(NULL, 0, 3) != 0)
            wrong("poll was interrupted");
    }
    return NULL;
}

static void *wait_for_ever(void *unused)
{
    (void)unused;
    int ends[2];
    char byte;
    if (pipe(ends) == 0 && read(ends[0], &byte, 1) != 1)
        wrong("a read returned");
    return NULL;
}

/* Waits for all children that there are, and for none that there are not. */
static volatile pid_t told;
static volatile sig_atomic_t signals;

static void on_child(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    int saved = errno;
    told = info->si_pid;
    signals++;
    errno = saved;
}

static int children_by_signalfd;

static void *have_children(void *unused)
{
    (void)unused;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    int fd = -1;
    if (children_by_signalfd)
        fd = signalfd(-1, &child, 0);
    else
        pthread_sigmask(SIG_UNBLOCK, &child, NULL);
    for (;; rounds[3]++) {
        int status;
        if (waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD)
            wrong("a child that is not ours");
        int before = signals;
        pid_t pid = fork();
        if (pid == 0)
            _exit(7);
        if (fd >= 0) {
            struct signalfd_siginfo info;
            if (read(fd, &info, sizeof info) != sizeof info || (pid_t)info.ssi_pid != pid)
                wrong("a signal of a child that is not ours");
        }
        pid_t waited = waitpid(-1, &status, 0);
        while (waited == -1 && errno == EINTR)
            waited = waitpid(-1, &status, 0);
        if (waited != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
            wrong("a child that is not ours was waited for");
        if (fd < 0) {
            for (int i = 0; signals == before && i < 1000; i++)
                usleep(1000);
            if (signals != before + 1 || told != pid)
                wrong("a signal of a child that is not ours");
        }
        usleep(500);
    }
    return NULL;
}

/* What this program itself does; anything else kills it. */
static void filter(void)
{
    static const int allowed[] = {
        SYS_read, SYS_write, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_epoll_wait, SYS_nanosleep, SYS_clock_nanosleep,
        SYS_poll, SYS_futex, SYS_restart_syscall, SYS_close, SYS_brk, SYS_mmap, SYS_munmap, SYS_clock_gettime, SYS_fstat,
        SYS_newfstatat, SYS_epoll_create1, SYS_pipe, SYS_pipe2, SYS_set_robust_list, SYS_rseq, SYS_mprotect, SYS_madvise,
        SYS_rt_sigprocmask,
    };
    struct sock_filter code[2 * 32 + 2];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
        exit(3);
}

/* Another user: root may make as many as it likes. Before there are threads, for libc tells each of them by a signal. */
static void give_up_rights(void)
{
    if (getuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
        exit(3);
}

static void limit(void)
{
    struct rlimit none = {1, 1};
    if (setrlimit(RLIMIT_NPROC, &none))
        exit(3);
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child, NULL);
    int filtered = 0, limited = 0, children = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "heap=", 5) == 0) {
            size_t bytes = strtoul(argv[i] + 5, NULL, 10) << 20;
            char *heap = malloc(bytes);
            for (size_t at = 0; at < bytes; at++)
                heap[at] = (char)(at / 4096 + at);
            __asm__ volatile("" : : "r"(heap) : "memory");
        }
        filtered |= strcmp(argv[i], "filter") == 0;
        limited |= strcmp(argv[i], "limit") == 0;
        children |= strcmp(argv[i], "children") == 0 || strcmp(argv[i], "signalfd") == 0;
        interrupted |= strcmp(argv[i], "interrupted") == 0;
        children_by_signalfd |= strcmp(argv[i], "signalfd") == 0;
    }
    if (limited)
        give_up_rights();
    struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    int ends[2];
    if (pipe(ends))
        return 1;
    void *(*threads[])(void *) = {compute, wait_for_events, sleep_a_while, wait_for_ever, have_children};
    for (int i = 0; i < 4 + children; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, threads[i], NULL))
            return 1;
    }
    /* Two words that tell, side by side, and one apart from the others. */
    char *wiped = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(wiped, 'w', 3 * 4096);
    madvise(wiped, 4096, MADV_WIPEONFORK);
    madvise(wiped + 2 * 4096, 4096, MADV_DONTFORK);
    if (limited)
        limit();
    if (filtered)
        filter();
    char *rseq = (char *)__builtin_thread_pointer() + __rseq_offset;
    printf("ready\n%d %d %llu\n", ends[0], ends[1], (unsigned long long)(uintptr_t)rseq);
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "close\n") == 0) {
            close(ends[0]);
            close(ends[1]);
            printf("closed\n.\n");
        } else {
            /* All of them are to come round once more. */
            for (int i = 0; i < 3 + children; i++) {
                if (i == 3 && !children)
                    break;
                unsigned long before = rounds[i];
                while (rounds[i] == before && !amiss)
                    usleep(1000);
            }
            printf("%s\n.\n", amiss ? amiss : "fine");
        }
        fflush(stdout);
    }
    return 0;
}
