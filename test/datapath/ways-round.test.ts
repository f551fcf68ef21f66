/** Ways round the policy that were tried: tags, forged own packets, missing routes, headers that lie. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network } from './network.ts';
import { ethernet, icmp, type Layer3, parsePacket, quote, sum16, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const [XDP_DROP, XDP_PASS] = [1, 2];
const [TC_PASS, TC_DROP, TC_REDIRECT] = [-1, 2, 7];
const HAN = '192.168.1.10';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';

const test = suite('ways round');
let network: Network;
let before: Record<string, number> = {};
let port = 3000;

const gateway = () => network.lab.at('gw');
const drops = async (): Promise<Record<string, number>> => {
  const entries = Object.entries(await network.drops()).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
};
async function run(program: string, device: string, packet: Layer3, from = 0) {
  const { verdict, frame } = await network.run(program, device, ethernet(packet, network.macs.get(device) ?? ''), from);
  return { verdict: verdict | 0, out: parsePacket(frame) };
}

test.before(async () => {
  network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire' });
  const isp = (await network.lab.at('out').ask('cat', '/sys/class/net/wan0/address')).trim();
  await gateway().ip(
    `neigh replace 203.0.113.2 lladdr ${isp} nud permanent dev wan0`,
    `neigh replace ${HAN} lladdr 02:00:00:00:00:aa nud permanent dev eth0`,
    `neigh replace ${YODA} lladdr 02:00:00:00:00:aa nud permanent dev eth0`,
  );
});
test.before.each(async () => {
  before = await network.drops();
  port += 1;
});
test.after(() => network.close());

/** Sends a SYN to the gateway's port 8000, plain and with tags that the kernel takes off, and says what is answered. */
const knock = (mac: string): string => `
import socket, struct, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("wan0", 0)); s.settimeout(0.1)
def check(b):
  t = sum(struct.unpack("!%dH" % (len(b) // 2), b)); t = (t & 65535) + (t >> 16); t = (t & 65535) + (t >> 16)
  return ~t & 65535
a, d = socket.inet_aton("203.0.113.2"), socket.inet_aton("${WAN}")
tcp = struct.pack("!HHIIBBHHH", 5555, 8000, 1, 0, 0x50, 2, 1000, 0, 0)
tcp = tcp[:16] + struct.pack("!H", check(a + d + struct.pack("!BBH", 0, 6, 20) + tcp)) + tcp[18:]
ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + a + d
ip = ip[:10] + struct.pack("!H", check(ip)) + ip[12:]
for tag in ("", "81000000", "8100000081000000", "810000008100000081000000", "88a80000"):
  s.send(bytes.fromhex("${mac}") + s.getsockname()[4] + bytes.fromhex(tag) + b"\\x08\\x00" + ip + tcp)
end = time.time() + 1.5
while time.time() < end:
  try: f = s.recv(2000)
  except OSError: continue
  if f[12:14] == b"\\x08\\x00" and f[23] == 6 and f[34:36] == struct.pack("!H", 8000): print("answered", f.hex())
print("end")
`;
test('a priority tag (VLAN 0) leads to no port that is denied', async () => {
  gateway().start('python3', '-m', 'http.server', '--bind', '0.0.0.0', '8000');
  await until('the server listens', async () => /:8000 /.test(await gateway().ask('ss', '-tln')));
  const mac = (network.macs.get('wan0') ?? '').replaceAll(':', '');
  const knocking = network.lab.at('out').start('python3', '-uc', knock(mac));
  await knocking.says(/end/, 15_000);
  assert.not.match(knocking.output, 'answered');
  const { denied = 0, malformed = 0 } = await drops();
  assert.ok(denied >= 3, 'plain, and with one tag of either kind');
  assert.is(denied + malformed, 5);
});

test('the gateway hears its own multicast', async () => {
  const script = [
    'import socket, struct',
    'group = socket.inet_aton("239.1.2.3") + socket.inet_aton("192.168.1.1")',
    'r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); r.bind(("", 5007)); r.settimeout(2)',
    'r.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)',
    's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
    's.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.168.1.1"))',
    's.sendto(b"hello", ("239.1.2.3", 5007)); print(r.recv(100))',
  ];
  const { out } = await gateway().run(['python3', '-c', script.join('\n')]);
  assert.match(out, 'hello');
  assert.equal(await drops(), {});
});

test('a flow that began while there was no route is decided again when there is one', async () => {
  const packet = udp({ saddr: HAN, daddr: '198.51.100.5', sport: 51820, dport: 51820 });
  await gateway().ip('route del default');
  assert.is((await run('tc_ingress', 'eth0', packet)).verdict, TC_PASS); // the stack says that there is no route
  await gateway().ip('route add default via 203.0.113.2');
  await until('it is masqueraded', async () => (await run('tc_ingress', 'eth0', packet)).out.saddr === WAN, 8000);
});

test('echo identifier 0 of two hosts is translated', async () => {
  const echo = (saddr: string) => run('tc_ingress', 'eth0', icmp({ saddr, daddr: SERVER, type: 8, id: 0 }));
  const [first, second] = [await echo(HAN), await echo(YODA)];
  assert.equal([first.out.id, first.verdict, second.verdict], [0, TC_REDIRECT, TC_REDIRECT]);
  assert.is.not(second.out.id, 0);
  assert.ok(second.out.sumsAreRight);
});

test('a frame that holds less than its header says is dropped, also when its flow is known', async () => {
  const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
  await run('xdp_ingress', 'eth0', udp(fields));
  const short = udp({ ...fields, length: 500 });
  assert.is((await run('xdp_ingress', 'eth0', short)).verdict, XDP_DROP);
  assert.is((await run('tc_ingress', 'eth0', short)).verdict, TC_DROP);
  assert.equal(await drops(), { malformed: 2 });
});

test('what lies behind an ICMP error is no part of its quote', async () => {
  const { out } = await run('xdp_ingress', 'eth0', udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53 }));
  const asSent = udp({ saddr: WAN, daddr: SERVER, sport: out.sport, dport: 53 });
  const error = icmp({ saddr: SERVER, daddr: WAN, type: 3, code: 3, payload: [], length: 28 });
  const trailer = { bytes: [...error.bytes, ...quote(asSent, 32)] };
  const frame = ethernet(trailer, network.macs.get('wan0') ?? '');
  assert.is((await network.run('tc_ingress', 'wan0', frame)).verdict, TC_DROP);
  assert.equal(await drops(), { malformed: 1 });
});

test('only the gateway sends its own packets', async () => {
  await run('tc_ingress', 'eth0', udp({ saddr: HAN, daddr: '192.168.1.1', sport: port, dport: 53 }));
  const forged = udp({ saddr: '192.168.1.1', daddr: HAN, sport: 53, dport: port });
  assert.is((await run('xdp_ingress', 'eth0', forged)).verdict, XDP_PASS);
  assert.is((await run('tc_ingress', 'eth0', forged)).verdict, TC_DROP);
  assert.equal(await drops(), { forged: 1 });
});

test('nothing leaves for a network, for nobody or for the machine itself', async () => {
  for (const daddr of ['224.0.0.251', '255.255.255.255']) {
    const { verdict } = await run('xdp_ingress', 'eth0', udp({ saddr: HAN, daddr, sport: port, dport: 5353 }));
    assert.is(verdict, XDP_PASS, daddr);
  }
  for (const daddr of ['0.0.0.0', '127.0.0.1', '240.0.0.1']) {
    const { verdict } = await run('xdp_ingress', 'eth0', udp({ saddr: HAN, daddr, sport: port, dport: 53 }));
    assert.is(verdict, XDP_DROP, daddr);
  }
  assert.equal(await drops(), { malformed: 3 });
});

test('a forwarded packet from another interface takes no flow', async () => {
  const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
  await run('xdp_ingress', 'eth0', udp(fields));
  assert.is((await run('tc_egress', 'wan0', udp(fields), 1)).verdict, TC_DROP); // 1: lo
  assert.is((await run('tc_egress', 'wan0', udp(fields), 2)).verdict, TC_PASS); // 2: eth0
});

test("the gateway's inner address does not leave by the wan", async () => {
  const { code } = await gateway().run(['ping', '-c1', '-W1', '-I', '192.168.1.1', SERVER]);
  assert.is.not(code, 0);
  const many = { saddr: '192.168.1.1', daddr: '224.0.0.251', sport: 5353, dport: 5353 };
  assert.is((await run('tc_egress', 'wan0', udp(many))).verdict, TC_DROP);
  assert.is((await run('tc_egress', 'wan0', udp({ ...many, saddr: WAN }))).verdict, TC_PASS);
  assert.ok(((await drops()).untranslated ?? 0) > 0);
});

test('a RST for a SYN whose checksum is left to hardware leaves it to hardware, too', async () => {
  const syn = tcp({ saddr: HAN, daddr: '192.0.2.67', sport: port, dport: 80, flags: 'S' });
  const bytes = [...syn.bytes];
  const partial = (b: ArrayLike<number>): number => sum16([...Array.from(b).slice(12, 20), 0, 6, 0, 20]);
  bytes.splice(36, 2, partial(bytes) >> 8, partial(bytes) & 255);
  const { frame } = await network.run('tc_ingress', 'eth0', ethernet({ bytes }, network.macs.get('eth0') ?? ''));
  const answer = parsePacket(frame);
  assert.equal([answer.flags, answer.checksum], ['AR', partial(frame.subarray(14))]);
});

test.run();
