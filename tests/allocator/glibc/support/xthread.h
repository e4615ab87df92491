// Threads and barriers; a call that fails ends the test.
#ifndef SUPPORT_XTHREAD_H
#define SUPPORT_XTHREAD_H
#include <pthread.h>
#include <support/test-driver.h>
void support_no_error(int error, const char *call);
static inline pthread_t xpthread_create(pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    pthread_t thread;
    support_no_error(pthread_create(&thread, attributes, start, argument), "pthread_create");
    return thread;
}
static inline void *xpthread_join(pthread_t thread) {
    void *result;
    support_no_error(pthread_join(thread, &result), "pthread_join");
    return result;
}
static inline int xpthread_barrier_wait(pthread_barrier_t *barrier) {
    int result = pthread_barrier_wait(barrier);
    if (result != PTHREAD_BARRIER_SERIAL_THREAD) support_no_error(result, "pthread_barrier_wait");
    return result == PTHREAD_BARRIER_SERIAL_THREAD;
}
#define xpthread_barrier_init(...) support_no_error(pthread_barrier_init(__VA_ARGS__), "pthread_barrier_init")
#define xpthread_barrier_destroy(...) support_no_error(pthread_barrier_destroy(__VA_ARGS__), "pthread_barrier_destroy")
#define xpthread_barrierattr_init(...) support_no_error(pthread_barrierattr_init(__VA_ARGS__), "barrierattr_init")
#define xpthread_barrierattr_destroy(...) support_no_error(pthread_barrierattr_destroy(__VA_ARGS__), "barrierattr_destroy")
#define xpthread_barrierattr_setpshared(...) support_no_error(pthread_barrierattr_setpshared(__VA_ARGS__), "setpshared")
#define xpthread_attr_init(...) support_no_error(pthread_attr_init(__VA_ARGS__), "pthread_attr_init")
#define xpthread_attr_destroy(...) support_no_error(pthread_attr_destroy(__VA_ARGS__), "pthread_attr_destroy")
#define xpthread_kill(...) support_no_error(pthread_kill(__VA_ARGS__), "pthread_kill")
#define xpthread_detach(...) support_no_error(pthread_detach(__VA_ARGS__), "pthread_detach")
#define xpthread_cancel(...) support_no_error(pthread_cancel(__VA_ARGS__), "pthread_cancel")
#endif
