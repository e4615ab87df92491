// Runs a test in a child, so that it can be ended when its time is up, and so that the end is its exit status: 0 passed, 77 does not apply
// here, anything else failed.
#ifndef SUPPORT_RUNNER_H
#define SUPPORT_RUNNER_H
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile pid_t test_pid;
static void time_is_up(int number) {
    static const char text[] = "timed out\n";
    (void)number;
    if (test_pid > 0) kill(-test_pid, SIGKILL);
    if (write(2, text, sizeof text - 1) < 0) _exit(1);
    _exit(124);
}
int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    // Against tests that hang. What they allow themselves is too much for that, or too little on a machine with other work.
    unsigned limit = 60;
    test_pid = fork();
    if (test_pid < 0) return 99;
    if (test_pid == 0) {
        setpgid(0, 0);
#ifdef PREPARE
        PREPARE(0, NULL);
#endif
        int result = run_test();
        exit(result ? result : support_failures() ? 1 : 0);
    }
    setpgid(test_pid, test_pid);
    signal(SIGALRM, time_is_up);
    alarm(limit);
    int status;
    while (waitpid(test_pid, &status, 0) < 0) continue;
    kill(-test_pid, SIGKILL);
    if (WIFEXITED(status)) {
#ifdef EXPECTED_STATUS
        return WEXITSTATUS(status) == (EXPECTED_STATUS) ? 0 : 1;
#endif
        return WEXITSTATUS(status);
    }
#ifdef EXPECTED_SIGNAL
    if (WTERMSIG(status) == (EXPECTED_SIGNAL)) return 0;
#endif
    fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
    return 1;
}
#endif
