// SPDX-License-Identifier: MIT
/*
 * A point-to-point link of two tun devices in two network namespaces: no Ethernet header, as with ppp. Packets that
 * one device transmits, the other receives. The devices live as long as this program.
 *
 *   tunlink NETNS DEVICE NETNS DEVICE      (names below /run/netns)
 *
 * Prints "ready" when both devices are there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "tunlink: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static int open_tun(const char *netns, const char *device)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[256];
	int ns, tun;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		fail("cannot enter", netns);
	close(ns);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun < 0)
		fail("cannot open", "/dev/net/tun");
	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (ioctl(tun, TUNSETIFF, &request) < 0)
		fail("cannot create", device);
	return tun;
}

/* Carries what waits in one device over to the other; what that refuses (it is down, say) is lost, as on a wire. */
static void carry(int from, int to)
{
	static char packet[65536];

	for (int i = 0; i < 256; i++) {
		ssize_t length = read(from, packet, sizeof(packet));

		if (length < 0)
			return;
		if (write(to, packet, length) < 0)
			continue;
	}
}

int main(int argc, char **argv)
{
	struct pollfd ends[2];

	if (argc != 5) {
		fprintf(stderr, "usage: tunlink NETNS DEVICE NETNS DEVICE\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 2; i++)
		ends[i] = (struct pollfd){ .fd = open_tun(argv[1 + 2 * i], argv[2 + 2 * i]), .events = POLLIN };
	puts("ready");
	fflush(stdout);
	while (poll(ends, 2, -1) > 0 || errno == EINTR) {
		for (int i = 0; i < 2; i++) {
			if (ends[i].revents & POLLIN)
				carry(ends[i].fd, ends[!i].fd);
			else if (ends[i].revents & POLLERR)
				usleep(1000); /* the device is down */
		}
	}
	return 1;
}
