/* SPDX-License-Identifier: MIT */
/*
 * The two ends of the bench's connections:
 *
 *   talk serve PORT COUNT                        TCP on COUNT ports from PORT on: 64 bytes in, 128 out, close; UDP echo on PORT
 *   talk connect ADDRESS PORT COUNT SECONDS      opens one connection after another, 64 at a time
 *   talk echo ADDRESS PORT SECONDS               one datagram after another, each when the answer to the last is there
 *
 * `connect` and `echo` print one JSON object: {"done", "failed"} and {"done", "p50", "p99"} (µs).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST 64
#define RESPONSE 128
#define AT_ONCE 64
#define EVENTS 128

enum role { LISTENER, ECHO, PEER };

static char buffer[2048];

static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct sockaddr_in name(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		give_up(address);
	return to;
}

static void watch(int poll, int fd, enum role role, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)role << 32 | (uint32_t)fd };

	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
		give_up("epoll_ctl");
}

static int open_port(int type, int port)
{
	struct sockaddr_in here = name("0.0.0.0", port);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) || (type == SOCK_STREAM && listen(fd, 4096)))
		give_up("bind");
	return fd;
}

static void answer_datagrams(int fd)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	ssize_t got;

	while ((got = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&peer, &size)) >= 0)
		sendto(fd, buffer, got, 0, (struct sockaddr *)&peer, size);
}

static _Noreturn void serve(int port, int count)
{
	struct epoll_event events[EVENTS];
	int poll = epoll_create1(0), i, fd;

	for (i = 0; i < count; i++)
		watch(poll, open_port(SOCK_STREAM, port + i), LISTENER, EPOLLIN);
	watch(poll, open_port(SOCK_DGRAM, port), ECHO, EPOLLIN);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int ready = epoll_wait(poll, events, EVENTS, -1);

		for (i = 0; i < ready; i++) {
			int from = (int)(uint32_t)events[i].data.u64;
			ssize_t got;

			switch (events[i].data.u64 >> 32) {
			case LISTENER:
				while ((fd = accept4(from, NULL, NULL, SOCK_NONBLOCK)) >= 0)
					watch(poll, fd, PEER, EPOLLIN);
				break;
			case ECHO:
				answer_datagrams(from);
				break;
			default:
				got = read(from, buffer, sizeof(buffer));
				if (got > 0 && write(from, buffer, RESPONSE) < 0)
					got = 0;
				if (got >= 0 || errno != EAGAIN)
					close(from);
			}
		}
	}
}

static long failed;

static void open_one(int poll, const char *address, int port, int count)
{
	static int next;
	struct sockaddr_in to = name(address, port + next++ % count);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)) {
		failed++;
		if (fd >= 0)
			close(fd);
		return;
	}
	watch(poll, fd, PEER, EPOLLOUT);
}

static int connect_for(const char *address, int port, int count, double seconds)
{
	int64_t end = now_ns() + (int64_t)(seconds * 1e9);
	struct epoll_event events[EVENTS];
	int poll = epoll_create1(0), i;
	long done = 0;

	for (i = 0; i < AT_ONCE; i++)
		open_one(poll, address, port, count);
	while (now_ns() < end) {
		int ready = epoll_wait(poll, events, EVENTS, 100);

		for (i = 0; i < ready; i++) {
			int fd = (int)(uint32_t)events[i].data.u64, error = 0;
			socklen_t size = sizeof(error);
			ssize_t got;

			if (events[i].events & EPOLLOUT) {
				struct epoll_event next = { .events = EPOLLIN, .data = events[i].data };

				getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
				if (!error && write(fd, buffer, REQUEST) == REQUEST) {
					epoll_ctl(poll, EPOLL_CTL_MOD, fd, &next);
					continue;
				}
				failed++;
			} else {
				got = read(fd, buffer, sizeof(buffer));
				if (got > 0)
					continue; /* the end of the stream comes next */
				if (got < 0 && errno == EAGAIN)
					continue;
				if (got == 0)
					done++;
				else
					failed++;
			}
			close(fd);
			open_one(poll, address, port, count);
		}
	}
	printf("{\"done\":%ld,\"failed\":%ld}\n", done, failed);
	return 0;
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int echo_for(const char *address, int port, double seconds)
{
	static float trips[2000000];
	struct sockaddr_in to = name(address, port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int64_t end = now_ns() + (int64_t)(seconds * 1e9), sent;
	size_t done = 0;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		give_up("connect");
	while ((sent = now_ns()) < end && done < sizeof(trips) / sizeof(*trips)) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (send(fd, buffer, REQUEST, 0) < 0 || poll(&wait, 1, 1000) != 1 || recv(fd, buffer, sizeof(buffer), 0) < 0)
			give_up("echo");
		trips[done++] = (now_ns() - sent) / 1e3;
	}
	qsort(trips, done, sizeof(*trips), compare);
	printf("{\"done\":%zu,\"p50\":%.2f,\"p99\":%.2f}\n", done, trips[done / 2], trips[done * 99 / 100]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		serve(atoi(argv[2]), atoi(argv[3]));
	if (argc == 6 && !strcmp(argv[1], "connect"))
		return connect_for(argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]));
	if (argc == 5 && !strcmp(argv[1], "echo"))
		return echo_for(argv[2], atoi(argv[3]), atof(argv[4]));
	fputs("talk serve PORT COUNT | connect ADDRESS PORT COUNT SECONDS | echo ADDRESS PORT SECONDS\n", stderr);
	return 2;
}
