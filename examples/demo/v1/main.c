/*
 * larder: a key-value store for people who log in.
 *
 * The main thread accepts connections, hears signals and lets keys expire; two workers (worker.c) serve the sessions; a
 * forked helper (journal.c) writes the journal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "journal.h"
#include "memory.h"
#include "release.h"
#include "session.h"
#include "store.h"
#include "worker.h"

struct options {
    struct in_addr address;
    in_port_t port;
    size_t max_clients;
    size_t max_keys;
    const char *users;
    const char *journal;
};

static const char usage[] =
    "Usage: larder [OPTION]...\n"
    "A key-value store that listens for lines on a TCP port.\n"
    "\n"
    "  --listen ADDRESS   the IPv4 address to listen on (default 127.0.0.1)\n"
    "  --port PORT        the port; 0 takes a free one and prints it (default 7070)\n"
    "  --max-clients N    connections at one time (default 1000)\n"
    "  --max-keys N       keys; beyond, the least recently used goes (default 10000)\n"
    "  --users FILE       who may log in, name:password a line (default: two of the demo's)\n"
    "  --journal FILE     append what clients do to this file (default: nowhere)\n"
    "  --help, --version\n";

static unsigned long parse_number(const char *option, const char *text, unsigned long least, unsigned long most)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number < least || number > most) {
        fprintf(stderr, "larder: --%s takes a number from %lu to %lu, not '%s'\n", option, least, most, text);
        exit(2);
    }
    return number;
}

static struct options parse_options(int argc, char **argv)
{
    struct options options = {
        .address = { htonl(INADDR_LOOPBACK) },
        .port = 7070,
        .max_clients = 1000,
        .max_keys = 10000,
        .journal = "/dev/null",
    };
    static const struct option known[] = {
        { "listen", required_argument, NULL, 'l' },      { "port", required_argument, NULL, 'p' },
        { "max-clients", required_argument, NULL, 'c' }, { "max-keys", required_argument, NULL, 'k' },
        { "users", required_argument, NULL, 'u' },       { "journal", required_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },              { "version", no_argument, NULL, 'v' },
        { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'l':
            if (inet_pton(AF_INET, optarg, &options.address) != 1) {
                fprintf(stderr, "larder: --listen takes an IPv4 address, not '%s'\n", optarg);
                exit(2);
            }
            break;
        case 'p':
            options.port = (in_port_t)parse_number("port", optarg, 0, 65535);
            break;
        case 'c':
            options.max_clients = parse_number("max-clients", optarg, 1, 1000000);
            break;
        case 'k':
            options.max_keys = parse_number("max-keys", optarg, 1, 1000000000);
            break;
        case 'u':
            options.users = optarg;
            break;
        case 'j':
            options.journal = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        case 'v':
            puts("larder " RELEASE);
            exit(EXIT_SUCCESS);
        default:
            fputs("Try 'larder --help'.\n", stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "larder: what is '%s'? Try 'larder --help'.\n", argv[optind]);
        exit(2);
    }
    return options;
}

/* Every client takes a descriptor, and the server itself some. */
static void raise_descriptor_limit(size_t max_clients)
{
    enum { OWN_DESCRIPTORS = 32 };
    struct rlimit limit;
    rlim_t needed = max_clients + OWN_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("getrlimit: %s", strerror(errno));
    if (limit.rlim_cur >= needed)
        return;
    if (limit.rlim_max < needed)
        die("--max-clients %zu needs %lu descriptors, but the limit is %lu (ulimit -Hn)", max_clients,
            (unsigned long)needed, (unsigned long)limit.rlim_max);
    limit.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("setrlimit: %s", strerror(errno));
}

/* Signals arrive through the descriptor that this returns, in every thread blocked: so it is called before any starts. */
static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        die("signalfd: %s", strerror(errno));
    return fd;
}

static int open_alarm(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        die("timerfd_create: %s", strerror(errno));
    return fd;
}

static int open_listener(const struct options *options)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr = options->address,
        .sin_port = htons(options->port),
    };
    socklen_t size = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("cannot listen on port %d: %s", options->port, strerror(errno));

    char host[INET_ADDRSTRLEN];
    printf("larder " RELEASE " listening on %s:%d\n", inet_ntop(AF_INET, &address.sin_addr, host, sizeof host),
           ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_clients(int listener, size_t max_clients)
{
    static unsigned last_id;
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (fd < 0) {
            /* The machine is short of something. The client stays in the queue; trying again at once would not help. */
            fprintf(stderr, "larder: cannot accept a connection: %s\n", strerror(errno));
            nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
            return;
        }
        if (worker_session_count() >= max_clients) {
            static const char busy[] = "-BUSY too many clients\n";
            (void)!send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL);
            close(fd);
            continue;
        }
        worker_adopt(session_new(fd, ++last_id, &peer));
    }
}

/* True: it is time to end. */
static bool hear_signals(int signals)
{
    struct signalfd_siginfo info;
    bool end = false;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            journal_helper_ended();
        else
            end = true;
    }
    return end;
}

static void expire_keys(int alarm)
{
    uint64_t times;
    if (read(alarm, &times, sizeof times) < 0)
        return; /* it was set anew in between */
    store_lock();
    size_t expired = store_expire();
    store_unlock();
    if (expired > 0)
        journal_note("expired %zu", expired);
}

static void serve(int listener, int signals, int alarm, size_t max_clients)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1: %s", strerror(errno));
    const int watched[] = { listener, signals, alarm };
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.fd = watched[i] };
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, watched[i], &event) < 0)
            die("epoll_ctl: %s", strerror(errno));
    }

    for (bool end = false; !end;) {
        struct epoll_event event;
        int count = epoll_wait(epoll_fd, &event, 1, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        if (count <= 0)
            continue;
        if (event.data.fd == listener)
            accept_clients(listener, max_clients);
        else if (event.data.fd == signals)
            end = hear_signals(signals);
        else
            expire_keys(alarm);
    }
    close(epoll_fd);
}

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    raise_descriptor_limit(options.max_clients);
    accounts_load(options.users);
    journal_start(options.journal);
    int signals = open_signals();
    int alarm = open_alarm();
    store_open(options.max_keys, alarm);
    workers_start();
    int listener = open_listener(&options);

    serve(listener, signals, alarm, options.max_clients);

    close(listener);
    workers_stop();
    store_close();
    journal_stop();
    accounts_free();
    close(alarm);
    close(signals);
    return EXIT_SUCCESS;
}
