// SPDX-License-Identifier: MIT
/*
 * Raw ends of cables: packets in and out of devices in network namespaces, whole frames in hexadecimal.
 *
 *   wire [NAME NETNS DEVICE]…       (NETNS below /run/netns)
 *
 * Prints "ready", then a line for each frame that a device receives: `NAME MICROSECONDS FLAGS FRAME`, the time of
 * CLOCK_MONOTONIC, FLAGS `p` where the checksum is left to hardware (CHECKSUM_PARTIAL), else `-`, and with it `v` and the
 * tag (four digits) where the kernel holds a VLAN tag aside. Reads lines `NAME FRAME`, or `NAME HEADER FRAME` with a struct
 * virtio_net_hdr (10 bytes) before a frame that leaves checksum or segmentation to hardware.
 *
 * Frames of 198.51.100.0/24 and 192.168.99.0/24, where real programs talk, are left out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_ENDS 8
#define FRAME 70000

struct end {
	const char *name;
	int in, plain, offloading;
	unsigned int device;
	unsigned int header; /* bytes before the IP header: 14, or 0 */
};

static struct end ends[MAX_ENDS];
static int count;

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "wire: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static int open_socket(const char *device, unsigned int index, int protocol)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = index, .sll_protocol = htons(protocol) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol));

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("cannot listen on", device);
	return fd;
}

static void open_end(struct end *end, const char *name, const char *netns, const char *device)
{
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
	int yes = 1, size = 8 << 20, ns;
	struct ifreq request = {};
	char path[256];

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		fail("cannot enter", netns);
	close(ns);
	end->name = name;
	end->device = if_nametoindex(device);
	if (!end->device)
		fail("there is no", device);
	end->in = open_socket(device, end->device, ETH_P_ALL);
	end->plain = open_socket(device, end->device, 0);
	end->offloading = open_socket(device, end->device, 0);
	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (ioctl(end->in, SIOCGIFHWADDR, &request) < 0)
		fail("cannot ask", device);
	end->header = request.ifr_hwaddr.sa_family == ARPHRD_ETHER ? ETH_HLEN : 0;
	promiscuous.mr_ifindex = end->device;
	if (end->header)
		setsockopt(end->in, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous));
	setsockopt(end->in, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof(yes));
	setsockopt(end->in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(end->offloading, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)) < 0)
		fail("no offloads on", device);
	fcntl(end->in, F_SETFL, O_NONBLOCK);
}

static bool is_real(unsigned int address)
{
	return address >> 8 == 0xc63364 || address >> 8 == 0xc0a863;
}

/* Of a program in a namespace, not of a raw host. */
static bool is_left_out(const struct end *end, const unsigned char *frame, ssize_t length)
{
	const unsigned char *ip = frame + end->header;
	unsigned int from, to;

	if (length < (ssize_t)end->header + 20 || ip[0] >> 4 != 4 || (end->header && (frame[12] != 8 || frame[13])))
		return false;
	from = (unsigned int)ip[12] << 24 | ip[13] << 16 | ip[14] << 8 | ip[15];
	to = (unsigned int)ip[16] << 24 | ip[17] << 16 | ip[18] << 8 | ip[19];
	return is_real(from) || is_real(to);
}

static void receive(const struct end *end)
{
	static unsigned char frame[FRAME];
	static char text[2 * FRAME + 1];
	static const char digits[] = "0123456789abcdef";

	for (int n = 0; n < 512; n++) {
		char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct sockaddr_ll from;
		struct iovec part = { frame, sizeof(frame) };
		struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
					  .msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(end->in, &message, 0);
		struct timespec now;
		char flags[16] = "-";

		if (length < 0)
			return;
		if (from.sll_pkttype == PACKET_OUTGOING || is_left_out(end, frame, length))
			continue;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
			const struct tpacket_auxdata *aux = (void *)CMSG_DATA(c);

			if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
				continue;
			if (aux->tp_status & TP_STATUS_CSUMNOTREADY)
				strcpy(flags, "p");
			if (aux->tp_status & TP_STATUS_VLAN_VALID)
				snprintf(flags + strlen(flags), 8, "v%04x", aux->tp_vlan_tci);
		}
		for (ssize_t i = 0; i < length; i++) {
			text[2 * i] = digits[frame[i] >> 4];
			text[2 * i + 1] = digits[frame[i] & 15];
		}
		text[2 * length] = 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		printf("%s %lld %s %s\n", end->name, now.tv_sec * 1000000LL + now.tv_nsec / 1000, flags, text);
	}
}

static int read_nibble(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static ssize_t read_hex(const char *text, unsigned char *bytes)
{
	ssize_t length = 0;

	for (; text[0] && text[1]; text += 2)
		bytes[length++] = read_nibble(text[0]) << 4 | read_nibble(text[1]);
	return length;
}

static void transmit(char *line)
{
	static unsigned char bytes[FRAME + 16];
	char *name = strtok(line, " "), *first = strtok(NULL, " "), *second = strtok(NULL, " ");
	ssize_t length;

	for (int i = 0; name && first && i < count; i++) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ends[i].device };
		const unsigned char *frame = bytes + (second ? sizeof(struct virtio_net_hdr) : 0);

		if (strcmp(name, ends[i].name))
			continue;
		length = read_hex(first, bytes);
		if (second)
			length += read_hex(second, bytes + length);
		to.sll_protocol = ends[i].header ? htons(frame[12] << 8 | frame[13]) :
						   htons(frame[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
		if (sendto(second ? ends[i].offloading : ends[i].plain, bytes, length, 0, (struct sockaddr *)&to,
			   sizeof(to)) < 0)
			printf("! %s %s\n", name, strerror(errno));
	}
}

/* Lines that are complete; what is left of one waits for the rest. */
static void read_orders(void)
{
	static char buffer[1 << 20];
	static size_t held;
	ssize_t got = read(0, buffer + held, sizeof(buffer) - 1 - held);
	char *start = buffer, *end;

	if (got <= 0)
		exit(0);
	held += got;
	buffer[held] = 0;
	while ((end = strchr(start, '\n'))) {
		*end = 0;
		transmit(start);
		start = end + 1;
	}
	held -= start - buffer;
	memmove(buffer, start, held);
}

int main(int argc, char **argv)
{
	struct pollfd wait[MAX_ENDS + 1] = { { .fd = 0, .events = POLLIN } };

	if (argc < 4 || (argc - 1) % 3 || (argc - 1) / 3 > MAX_ENDS) {
		fprintf(stderr, "usage: wire [NAME NETNS DEVICE]...\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (; count < (argc - 1) / 3; count++) {
		open_end(&ends[count], argv[1 + 3 * count], argv[2 + 3 * count], argv[3 + 3 * count]);
		wait[count + 1] = (struct pollfd){ .fd = ends[count].in, .events = POLLIN };
	}
	puts("ready");
	fflush(stdout);
	while (poll(wait, count + 1, -1) > 0 || errno == EINTR) {
		for (int i = 0; i < count; i++)
			if (wait[i + 1].revents & POLLIN)
				receive(&ends[i]);
		fflush(stdout);
		if (wait[0].revents & (POLLIN | POLLHUP))
			read_orders();
		fflush(stdout);
	}
	return 1;
}
