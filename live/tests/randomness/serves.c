// A server whose first client comes before its start-up is done: it says its port, and where it counts those it has served.
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile long served;

static void *start_up(void *unused)
{
	(void)unused;
	usleep(200000);
	pause();
	return NULL;
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	pthread_t thread;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 8))
		return 1;
	getsockname(listener, (struct sockaddr *)&address, &len);
	printf("%d %lu\n", ntohs(address.sin_port), (unsigned long)&served);
	fflush(stdout);
	pthread_create(&thread, NULL, start_up, NULL);
	for (;;) {
		int client = accept(listener, NULL, NULL);

		if (client < 0)
			return 2;
		served++;
		if (write(client, "x", 1) != 1)
			return 3;
		close(client);
	}
}
