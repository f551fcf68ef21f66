/** The Debian 12 packages that masqc is built, tested and shown with. The one place where they are listed. */

/** Compiler and libraries of the addon and of the datapath. */
const build = ['clang', 'llvm', 'make', 'g++', 'libbpf-dev', 'libelf-dev', 'zlib1g-dev', 'bpftool'];

/** What the gateway itself calls. */
const run = ['iproute2', 'nftables', 'procps'];

/** Programs that work through the gateway in the laboratory: tests and demo. */
const laboratory = [
  'bind9-dnsutils', // dig
  'conntrack', // empties nftables' table between two rounds of the bench
  'coturn', // a STUN server, and the client that says what kind of NAT it is behind
  'curl',
  'dnsmasq-base', // a name server and a DHCP server, without the service
  'ethtool',
  'iperf3',
  'iputils-ping',
  'iputils-tracepath',
  'mtr-tiny',
  'ncat', // and as nc
  'python3', // small servers and clients of the datapath's tests
  'socat', // raw sockets
  'tcpdump',
  'traceroute',
  'valgrind',
];

/** Boots Debian's stock kernel for `npm run kernels`. */
const kernels = ['qemu-system-x86', 'busybox-static', 'cpio', 'xz-utils', 'zstd'];

/**
 * @param {{ kernels: boolean }} options
 * @returns {string[]} names of packages
 */
export function listDebianPackages(options) {
  return [...build, ...run, ...laboratory, ...(options.kernels ? kernels : [])];
}
