// System calls; one that fails ends the test.
#ifndef SUPPORT_XUNISTD_H
#define SUPPORT_XUNISTD_H
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
pid_t xfork(void);
pid_t xwaitpid(pid_t pid, int *status, int how);
void xpipe(int ends[2]);
void xclose(int fd);
void xwrite(int fd, const void *bytes, size_t length);
int xopen(const char *path, int how, mode_t mode);
void *xmmap(void *address, size_t length, int protection, int how, int fd);
void xmunmap(void *address, size_t length);
void xmprotect(void *address, size_t length, int protection);
long xsysconf(int name);
#endif
