/* A program that waits in every way there is, one thread for each.
 *
 *     blocked
 *
 * Prints "ready" once all threads wait. Lines on standard input:
 *   list   what has returned so far; "." ends the answer
 *   wake   brings about what each thread waits for, waits until all have returned, and lists them
 * A line of the list: NAME EXPECTED RESULT ERRNO MILLISECONDS KIND, where KIND is how long it was to wait: "event" (until woken),
 * "deadline" (SECONDS, kept by the kernel), or "anew" (SECONDS from when it was last interrupted).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 4
#define LONG_TIME 100000

struct wait {
    const char *name;
    long (*call)(struct wait *);
    void (*wake)(struct wait *);
    long expected;
    const char *kind;
    int a, b; /* descriptors or ids of its own */
    void *memory;
    pthread_t thread;
    _Atomic int started, returned;
    _Atomic pid_t tid;
    long result;
    int error;
    double elapsed;
};

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static struct timespec in_seconds(clockid_t clock, int seconds)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += seconds;
    return t;
}

/* What a call needs is made by the thread itself, before it says that it has started. */
static void begin(struct wait *w)
{
    w->tid = gettid();
    w->elapsed = now();
    w->started = 1;
}

static void make_pipe(struct wait *w)
{
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    w->a = ends[0];
    w->b = ends[1];
}

static void make_sockets(struct wait *w)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    w->a = ends[0];
    w->b = ends[1];
}

static void set_timeout(int fd, int option, int seconds)
{
    struct timeval t = {seconds, 0};
    check(setsockopt(fd, SOL_SOCKET, option, &t, sizeof t) == 0, "setsockopt");
}

static void fill(int fd)
{
    static char bytes[4096];
    check(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    while (write(fd, bytes, sizeof bytes) > 0 || write(fd, bytes, 1) > 0)
        ;
    check(fcntl(fd, F_SETFL, 0) == 0, "fcntl");
}

static void drain(int fd)
{
    char bytes[65536];
    check(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    while (!(read(fd, bytes, sizeof bytes) < 0 && errno == EAGAIN))
        ;
}

static void wake_write(struct wait *w) { check(write(w->b, "x", 1) == 1, w->name); }
static void wake_drain(struct wait *w)
{
    /* It may need more than one look: what it writes takes room too. */
    while (!w->returned) {
        drain(w->a);
        usleep(1000);
    }
}
static void wake_usr1(struct wait *w) { pthread_kill(w->thread, SIGUSR1); }
static void wake_usr2(struct wait *w) { pthread_kill(w->thread, SIGUSR2); }
static void nobody(struct wait *w) { (void)w; }

/* ---- descriptors that become ready ---- */

static int epoll_of(struct wait *w)
{
    make_pipe(w);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, w->a, &event) == 0, "epoll_ctl");
    return epoll;
}

static long do_epoll_wait(struct wait *w)
{
    struct epoll_event event;
    int epoll = epoll_of(w);
    begin(w);
    return epoll_wait(epoll, &event, 1, -1);
}
static long do_epoll_wait_long(struct wait *w)
{
    struct epoll_event event;
    int epoll = epoll_of(w);
    begin(w);
    return epoll_wait(epoll, &event, 1, LONG_TIME * 1000);
}
static long do_epoll_wait_timed(struct wait *w)
{
    struct epoll_event event;
    int epoll = epoll_of(w);
    begin(w);
    return epoll_wait(epoll, &event, 1, SECONDS * 1000);
}
static long do_epoll_pwait(struct wait *w)
{
    struct epoll_event event;
    int epoll = epoll_of(w);
    sigset_t all;
    sigfillset(&all);
    begin(w);
    return epoll_pwait(epoll, &event, 1, -1, &all);
}
static long do_epoll_pwait2(struct wait *w)
{
    struct epoll_event event;
    int epoll = epoll_of(w);
    struct timespec t = {LONG_TIME, 0};
    begin(w);
    return syscall(SYS_epoll_pwait2, epoll, &event, 1, &t, NULL, 0);
}
static long poll_for(struct wait *w, int milliseconds)
{
    make_pipe(w);
    struct pollfd fd = {.fd = w->a, .events = POLLIN};
    begin(w);
    return poll(&fd, 1, milliseconds);
}
static long do_poll(struct wait *w) { return poll_for(w, -1); }
static long do_poll_timed(struct wait *w) { return poll_for(w, SECONDS * 1000); }
static long ppoll_for(struct wait *w, struct timespec *t)
{
    make_pipe(w);
    struct pollfd fd = {.fd = w->a, .events = POLLIN};
    begin(w);
    return ppoll(&fd, 1, t, NULL);
}
static long do_ppoll(struct wait *w) { return ppoll_for(w, NULL); }
static long do_ppoll_timed(struct wait *w) { return ppoll_for(w, &(struct timespec){SECONDS, 0}); }
static long select_for(struct wait *w, struct timeval *t)
{
    make_pipe(w);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(w->a, &set);
    begin(w);
    return select(w->a + 1, &set, NULL, NULL, t);
}
static long do_select(struct wait *w) { return select_for(w, NULL); }
static long do_select_timed(struct wait *w) { return select_for(w, &(struct timeval){SECONDS, 0}); }
static long pselect_for(struct wait *w, struct timespec *t)
{
    make_pipe(w);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(w->a, &set);
    begin(w);
    return pselect(w->a + 1, &set, NULL, NULL, t, NULL);
}
static long do_pselect(struct wait *w) { return pselect_for(w, NULL); }
static long do_pselect_timed(struct wait *w) { return pselect_for(w, &(struct timespec){SECONDS, 0}); }

/* ---- reading and writing ---- */

static long read_one(struct wait *w)
{
    uint64_t word;
    begin(w);
    return read(w->a, &word, sizeof word);
}
static long do_read_pipe(struct wait *w)
{
    make_pipe(w);
    return read_one(w);
}
static long do_read_eventfd(struct wait *w)
{
    w->a = eventfd(0, 0);
    return read_one(w);
}
static void wake_eventfd(struct wait *w) { check(eventfd_write(w->a, 1) == 0, "eventfd_write"); }
static long do_read_timerfd(struct wait *w)
{
    w->a = timerfd_create(CLOCK_MONOTONIC, 0);
    return read_one(w);
}
static void wake_timerfd(struct wait *w)
{
    struct itimerspec soon = {.it_value = {0, 1}};
    check(timerfd_settime(w->a, 0, &soon, NULL) == 0, "timerfd_settime");
}
static long do_read_timerfd_timed(struct wait *w)
{
    w->a = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec then = {.it_value = {SECONDS, 0}};
    check(timerfd_settime(w->a, 0, &then, NULL) == 0, "timerfd_settime");
    return read_one(w);
}
static long do_read_signalfd(struct wait *w)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    w->a = signalfd(-1, &set, 0);
    struct signalfd_siginfo info;
    begin(w);
    return read(w->a, &info, sizeof info);
}
static long do_read_inotify(struct wait *w)
{
    char *path = w->memory = strdup("watched.XXXXXX");
    check((w->b = mkstemp(path)) >= 0, "mkstemp");
    w->a = inotify_init1(0);
    check(inotify_add_watch(w->a, path, IN_MODIFY) >= 0, "inotify_add_watch");
    char event[sizeof(struct inotify_event) + 256];
    begin(w);
    return read(w->a, event, sizeof event);
}
static long do_read_tty(struct wait *w)
{
    check(openpty(&w->b, &w->a, NULL, NULL, NULL) == 0, "openpty");
    struct termios raw;
    tcgetattr(w->a, &raw);
    cfmakeraw(&raw);
    tcsetattr(w->a, TCSANOW, &raw);
    return read_one(w);
}
static long do_open_fifo(struct wait *w)
{
    char *path = w->memory = strdup("fifo.XXXXXX");
    close(mkstemp(path));
    unlink(path);
    check(mkfifo(path, 0600) == 0, "mkfifo");
    begin(w);
    return open(path, O_RDONLY) >= 0;
}
static void wake_fifo(struct wait *w) { check(open(w->memory, O_WRONLY) >= 0, "open"); }
static long do_recv(struct wait *w)
{
    char byte;
    make_sockets(w);
    begin(w);
    return recv(w->a, &byte, 1, 0);
}
static long do_recv_with_timeout(struct wait *w)
{
    char byte;
    make_sockets(w);
    set_timeout(w->a, SO_RCVTIMEO, LONG_TIME);
    begin(w);
    return recv(w->a, &byte, 1, 0);
}
static long do_read_with_timeout(struct wait *w)
{
    make_sockets(w);
    set_timeout(w->a, SO_RCVTIMEO, LONG_TIME);
    return read_one(w);
}
static long do_recvmsg_with_timeout(struct wait *w)
{
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    make_sockets(w);
    set_timeout(w->a, SO_RCVTIMEO, LONG_TIME);
    begin(w);
    return recvmsg(w->a, &message, 0);
}
static long do_write_pipe(struct wait *w)
{
    make_pipe(w);
    fill(w->b);
    begin(w);
    return write(w->b, "x", 1);
}
static long do_send_with_timeout(struct wait *w)
{
    make_sockets(w);
    fill(w->b);
    set_timeout(w->b, SO_SNDTIMEO, LONG_TIME);
    begin(w);
    return send(w->b, "x", 1, 0);
}
static long do_sendfile(struct wait *w)
{
    make_sockets(w);
    fill(w->b);
    int file = open("/proc/self/exe", O_RDONLY);
    begin(w);
    return sendfile(w->b, file, NULL, 100);
}
static int listener(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    check(bind(fd, (struct sockaddr *)address, len) == 0, "bind");
    check(getsockname(fd, (struct sockaddr *)address, &len) == 0, "getsockname");
    check(listen(fd, 5) == 0, "listen");
    return fd;
}
static long accept_with(struct wait *w, int timeout)
{
    struct sockaddr_in *address = w->memory = malloc(sizeof *address);
    w->a = listener(address);
    if (timeout)
        set_timeout(w->a, SO_RCVTIMEO, timeout);
    begin(w);
    return accept(w->a, NULL, NULL) >= 0;
}
static long do_accept(struct wait *w) { return accept_with(w, 0); }
static long do_accept_with_timeout(struct wait *w) { return accept_with(w, LONG_TIME); }
static void wake_accept(struct wait *w)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(fd, w->memory, sizeof(struct sockaddr_in)) == 0, "connect");
}
/* A local listener whose queue is full lets nobody in. */
static long connect_with(struct wait *w, int timeout)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "mcrx-%d-%d", getpid(), gettid());
    w->a = socket(AF_UNIX, SOCK_STREAM, 0);
    check(bind(w->a, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    check(listen(w->a, 0) == 0, "listen");
    int first = socket(AF_UNIX, SOCK_STREAM, 0);
    check(connect(first, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    int second = socket(AF_UNIX, SOCK_STREAM, 0);
    if (timeout)
        set_timeout(second, SO_SNDTIMEO, timeout);
    begin(w);
    return connect(second, (struct sockaddr *)&address, sizeof address);
}
static long do_connect(struct wait *w) { return connect_with(w, 0); }
static long do_connect_with_timeout(struct wait *w) { return connect_with(w, LONG_TIME); }
static void wake_connect(struct wait *w) { check(accept(w->a, NULL, NULL) >= 0, "accept"); }

/* ---- processes and signals ---- */

static long do_wait4(struct wait *w)
{
    w->a = fork();
    if (w->a == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    begin(w);
    return waitpid(w->a, NULL, 0) == w->a;
}
static void wake_child(struct wait *w) { kill(w->a, SIGKILL); }
static long do_waitid(struct wait *w)
{
    siginfo_t info;
    w->a = fork();
    if (w->a == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    begin(w);
    return waitid(P_PID, w->a, &info, WEXITED);
}
static long do_sigsuspend(struct wait *w)
{
    sigset_t but_usr1;
    sigfillset(&but_usr1);
    sigdelset(&but_usr1, SIGUSR1);
    begin(w);
    return sigsuspend(&but_usr1);
}
static long do_pause(struct wait *w)
{
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    begin(w);
    return pause();
}
static long sigtimedwait_for(struct wait *w, int seconds)
{
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    struct timespec t = {seconds, 0};
    begin(w);
    return sigtimedwait(&usr2, NULL, &t);
}
static long do_sigtimedwait(struct wait *w) { return sigtimedwait_for(w, LONG_TIME); }
static long do_sigtimedwait_timed(struct wait *w) { return sigtimedwait_for(w, SECONDS); }
static long do_sigwaitinfo(struct wait *w)
{
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    begin(w);
    return sigwaitinfo(&usr2, NULL);
}

/* ---- locks and messages ---- */

static int futex_words[2];

static long do_futex(struct wait *w)
{
    w->memory = &futex_words[0];
    begin(w);
    return syscall(SYS_futex, w->memory, FUTEX_WAIT, 0, NULL, NULL, 0);
}
static void wake_futex(struct wait *w)
{
    while (!w->returned && syscall(SYS_futex, w->memory, FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
        usleep(1000);
}
static long do_futex_timed(struct wait *w)
{
    struct timespec t = {SECONDS, 0};
    begin(w);
    return syscall(SYS_futex, &futex_words[1], FUTEX_WAIT, 0, &t, NULL, 0);
}
static long do_mutex(struct wait *w)
{
    pthread_mutex_t *mutex = w->memory;
    begin(w);
    return pthread_mutex_lock(mutex);
}
static void wake_mutex(struct wait *w) { pthread_mutex_unlock(w->memory); }
struct condition {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int come;
};
static long condition_until(struct wait *w, const struct timespec *deadline)
{
    struct condition *c = w->memory = calloc(1, sizeof *c);
    int error = 0;
    pthread_mutex_lock(&c->mutex);
    begin(w);
    while (!c->come && !error)
        error = deadline ? pthread_cond_timedwait(&c->condition, &c->mutex, deadline)
                         : pthread_cond_wait(&c->condition, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
    return error;
}
static long do_condition(struct wait *w) { return condition_until(w, NULL); }
static long do_condition_timed(struct wait *w)
{
    struct timespec t = in_seconds(CLOCK_REALTIME, SECONDS);
    return condition_until(w, &t);
}
static void wake_condition(struct wait *w)
{
    struct condition *c = w->memory;
    pthread_mutex_lock(&c->mutex);
    c->come = 1;
    pthread_cond_signal(&c->condition);
    pthread_mutex_unlock(&c->mutex);
}
static long do_sem_wait(struct wait *w)
{
    sem_init(w->memory = malloc(sizeof(sem_t)), 0, 0);
    begin(w);
    return sem_wait(w->memory);
}
static void wake_sem(struct wait *w) { sem_post(w->memory); }
static long do_sem_timedwait(struct wait *w)
{
    sem_init(w->memory = malloc(sizeof(sem_t)), 0, 0);
    struct timespec t = in_seconds(CLOCK_REALTIME, SECONDS);
    begin(w);
    return sem_timedwait(w->memory, &t);
}
static long semop_for(struct wait *w, struct timespec *t)
{
    struct sembuf down = {0, -1, 0};
    w->a = semget(IPC_PRIVATE, 1, 0600);
    begin(w);
    long result = t ? semtimedop(w->a, &down, 1, t) : semop(w->a, &down, 1);
    int error = errno;
    semctl(w->a, 0, IPC_RMID);
    errno = error;
    return result;
}
static long do_semop(struct wait *w) { return semop_for(w, NULL); }
static long do_semtimedop(struct wait *w) { return semop_for(w, &(struct timespec){LONG_TIME, 0}); }
static void wake_semop(struct wait *w) { check(semop(w->a, &(struct sembuf){0, 1, 0}, 1) == 0, "semop"); }
struct message {
    long type;
    char text[1];
};
static long do_msgrcv(struct wait *w)
{
    struct message message;
    w->a = msgget(IPC_PRIVATE, 0600);
    begin(w);
    long result = msgrcv(w->a, &message, 1, 0, 0);
    int error = errno;
    msgctl(w->a, IPC_RMID, NULL);
    errno = error;
    return result;
}
static void wake_msgrcv(struct wait *w) { check(msgsnd(w->a, &(struct message){1, "x"}, 1, 0) == 0, "msgsnd"); }
static long do_mq_receive(struct wait *w)
{
    char name[64], text[64];
    snprintf(name, sizeof name, "/mcrx-%d-%d", getpid(), gettid());
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = sizeof text};
    w->a = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
    check(w->a >= 0, "mq_open");
    mq_unlink(name);
    begin(w);
    return mq_receive(w->a, text, sizeof text, NULL);
}
static void wake_mq(struct wait *w) { check(mq_send(w->a, "x", 1, 0) == 0, "mq_send"); }
static int two_descriptors_of_a_file(struct wait *w)
{
    char path[] = "locked.XXXXXX";
    w->a = mkstemp(path);
    return open(path, O_RDWR);
}
static long do_flock(struct wait *w)
{
    int other = two_descriptors_of_a_file(w);
    check(flock(w->a, LOCK_EX) == 0, "flock");
    begin(w);
    return flock(other, LOCK_EX);
}
static void wake_flock(struct wait *w) { flock(w->a, LOCK_UN); }
static long do_fcntl_lock(struct wait *w)
{
    struct flock lock = {.l_type = F_WRLCK};
    int other = two_descriptors_of_a_file(w);
    check(fcntl(w->a, F_OFD_SETLK, &lock) == 0, "fcntl");
    begin(w);
    return fcntl(other, F_OFD_SETLKW, &lock);
}
static void wake_fcntl_lock(struct wait *w) { close(w->a); }
static long do_io_getevents(struct wait *w)
{
    aio_context_t *context = w->memory = calloc(1, sizeof *context);
    struct io_event event;
    check(syscall(SYS_io_setup, 1, context) == 0, "io_setup");
    begin(w);
    return syscall(SYS_io_getevents, *context, 1, 1, &event, NULL);
}
static void wake_aio(struct wait *w)
{
    static char byte;
    struct iocb read = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_buf = (uintptr_t)&byte, .aio_nbytes = 1};
    struct iocb *reads = &read;
    read.aio_fildes = open("/proc/self/exe", O_RDONLY);
    check(syscall(SYS_io_submit, *(aio_context_t *)w->memory, 1, &reads) == 1, "io_submit");
}

/* ---- sleeping ---- */

static long do_nanosleep(struct wait *w)
{
    struct timespec t = {SECONDS, 0};
    begin(w);
    return nanosleep(&t, NULL);
}
static long do_clock_nanosleep(struct wait *w)
{
    struct timespec t = {SECONDS, 0};
    begin(w);
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}
static long do_clock_nanosleep_until(struct wait *w)
{
    struct timespec t = in_seconds(CLOCK_REALTIME, SECONDS);
    begin(w);
    return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static pthread_mutex_t taken = PTHREAD_MUTEX_INITIALIZER;

#define EVENT(name, call, wake, expected) {name, call, wake, expected, "event"}
#define DEADLINE(name, call, expected) {name, call, nobody, expected, "deadline"}
#define ANEW(name, call, expected) {name, call, nobody, expected, "anew"}

static struct wait waits[] = {
    EVENT("epoll_wait", do_epoll_wait, wake_write, 1),
    EVENT("epoll_wait(long)", do_epoll_wait_long, wake_write, 1),
    EVENT("epoll_pwait", do_epoll_pwait, wake_write, 1),
    EVENT("epoll_pwait2", do_epoll_pwait2, wake_write, 1),
    EVENT("poll", do_poll, wake_write, 1),
    EVENT("ppoll", do_ppoll, wake_write, 1),
    EVENT("select", do_select, wake_write, 1),
    EVENT("pselect", do_pselect, wake_write, 1),
    EVENT("read(pipe)", do_read_pipe, wake_write, 1),
    EVENT("read(eventfd)", do_read_eventfd, wake_eventfd, 8),
    EVENT("read(timerfd)", do_read_timerfd, wake_timerfd, 8),
    EVENT("read(signalfd)", do_read_signalfd, wake_usr2, sizeof(struct signalfd_siginfo)),
    EVENT("read(inotify)", do_read_inotify, wake_write, sizeof(struct inotify_event)),
    EVENT("read(tty)", do_read_tty, wake_write, 1),
    EVENT("read(SO_RCVTIMEO)", do_read_with_timeout, wake_write, 1),
    EVENT("open(fifo)", do_open_fifo, wake_fifo, 1),
    EVENT("recv", do_recv, wake_write, 1),
    EVENT("recv(SO_RCVTIMEO)", do_recv_with_timeout, wake_write, 1),
    EVENT("recvmsg(SO_RCVTIMEO)", do_recvmsg_with_timeout, wake_write, 1),
    EVENT("write(pipe)", do_write_pipe, wake_drain, 1),
    EVENT("send(SO_SNDTIMEO)", do_send_with_timeout, wake_drain, 1),
    EVENT("sendfile", do_sendfile, wake_drain, 100),
    EVENT("accept", do_accept, wake_accept, 1),
    EVENT("accept(SO_RCVTIMEO)", do_accept_with_timeout, wake_accept, 1),
    EVENT("connect", do_connect, wake_connect, 0),
    EVENT("connect(SO_SNDTIMEO)", do_connect_with_timeout, wake_connect, 0),
    EVENT("wait4", do_wait4, wake_child, 1),
    EVENT("waitid", do_waitid, wake_child, 0),
    EVENT("sigsuspend", do_sigsuspend, wake_usr1, -1),
    EVENT("pause", do_pause, wake_usr1, -1),
    EVENT("sigtimedwait", do_sigtimedwait, wake_usr2, SIGUSR2),
    EVENT("sigwaitinfo", do_sigwaitinfo, wake_usr2, SIGUSR2),
    EVENT("futex", do_futex, wake_futex, 0),
    {"mutex", do_mutex, wake_mutex, 0, "event", .memory = &taken},
    EVENT("condition", do_condition, wake_condition, 0),
    EVENT("sem_wait", do_sem_wait, wake_sem, 0),
    EVENT("semop", do_semop, wake_semop, 0),
    EVENT("semtimedop", do_semtimedop, wake_semop, 0),
    EVENT("msgrcv", do_msgrcv, wake_msgrcv, 1),
    EVENT("mq_receive", do_mq_receive, wake_mq, 1),
    EVENT("flock", do_flock, wake_flock, 0),
    EVENT("fcntl(F_OFD_SETLKW)", do_fcntl_lock, wake_fcntl_lock, 0),
    EVENT("io_getevents", do_io_getevents, wake_aio, 1),
    DEADLINE("nanosleep", do_nanosleep, 0),
    DEADLINE("clock_nanosleep", do_clock_nanosleep, 0),
    DEADLINE("clock_nanosleep(TIMER_ABSTIME)", do_clock_nanosleep_until, 0),
    DEADLINE("poll(timed)", do_poll_timed, 0),
    DEADLINE("ppoll(timed)", do_ppoll_timed, 0),
    DEADLINE("select(timed)", do_select_timed, 0),
    DEADLINE("pselect(timed)", do_pselect_timed, 0),
    DEADLINE("futex(timed)", do_futex_timed, -1),
    DEADLINE("condition(timed)", do_condition_timed, ETIMEDOUT),
    DEADLINE("sem_timedwait", do_sem_timedwait, -1),
    DEADLINE("read(timerfd,timed)", do_read_timerfd_timed, 8),
    ANEW("epoll_wait(timed)", do_epoll_wait_timed, 0),
    ANEW("sigtimedwait(timed)", do_sigtimedwait_timed, -1),
};
#define COUNT (sizeof waits / sizeof *waits)

static void *run(void *argument)
{
    struct wait *w = argument;
    errno = 0;
    w->result = w->call(w);
    w->error = w->result == -1 ? errno : 0;
    w->elapsed = now() - w->elapsed;
    w->returned = 1;
    return NULL;
}

static void list(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct wait *w = &waits[i];
        if (w->returned)
            printf("%s %ld %ld %d %.0f %s\n", w->name, w->expected, w->result, w->error, w->elapsed, w->kind);
    }
    printf(".\n");
    fflush(stdout);
}

/* Whether the kernel has put a thread to sleep. */
static int sleeps(pid_t tid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    char *bracket = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return bracket && bracket[2] == 'S';
}

static void ignore(int signal) { (void)signal; }

int main(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Without SA_RESTART. */
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = ignore}, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&taken);
    for (size_t i = 0; i < COUNT; i++) {
        check(pthread_create(&waits[i].thread, NULL, run, &waits[i]) == 0, "pthread_create");
        while (!waits[i].started || !sleeps(waits[i].tid))
            usleep(100);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    printf("ready\n");
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        if (line[0] == 'w') {
            for (size_t i = 0; i < COUNT; i++)
                if (!waits[i].returned)
                    waits[i].wake(&waits[i]);
            for (size_t i = 0; i < COUNT; i++)
                pthread_join(waits[i].thread, NULL);
        }
        list();
    }
    _exit(0);
}
