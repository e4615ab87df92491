// The new start-up sets other values: what nobody changed since is the new release's.
struct config {
    int timeout;
    int retries;
    const char *version;
    int used;
};

struct config *config;
struct config fixed;
int port;
int backlog;

static void set(struct config *one) {
#if NEW
    one->timeout = 30;
    one->retries = 5;
    one->version = "two";
#else
    one->timeout = 60;
    one->retries = 3;
    one->version = "one";
#endif
}

void start(void) {
    config = calloc(1, sizeof *config);
    if (!config) {
        abort();
    }
    set(config);
    set(&fixed);
    port = NEW ? 81 : 80;
    backlog = NEW ? 511 : 128;
}

void serve(void) {
    config->retries = 9;
    config->used++;
    fixed.timeout = 10;
    port = 8080;
}
