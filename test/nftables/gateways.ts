/** Generated gateways of the laboratory, as text. */
import type { Random } from '../datapath/fuzz/random.ts';

const HOSTS = ['han', 'luke', 'yoda', 'bert', 'peer', 'bad', 'net-a', 'home', 'farm'];
const WHAT = [
  'tcp 80',
  'tcp 80, 443',
  'udp 53',
  'udp 53, tcp 53',
  'tcp 1-1023',
  'icmp echo-request',
  'icmp',
  'gre',
  'tcp 8000-8009, udp 7000',
  'esp, udp 500',
];

const some = (random: Random, list: readonly string[], most: number): string[] => [
  ...new Set(Array.from({ length: random.between(1, most) }, () => random.pick(list))),
];

function writeSide(random: Random, word: 'from' | 'to', places: readonly string[]): string {
  if (random.chance(0.35)) return '';
  const any = random.chance(0.2);
  const items = any ? ['any'] : some(random, random.chance(0.15) ? [...HOSTS, ...places] : HOSTS, 3);
  const except = random.chance(0.3) ? ` except ${some(random, HOSTS, 2).join(', ')}` : '';
  return ` ${word} ${items.join(', ')}${except}`;
}

function writeRule(
  random: Random,
  actions: readonly string[],
  ins: readonly string[],
  outs: readonly string[],
): string {
  const what = random.chance(0.6) ? ` ${random.pick(WHAT)}` : '';
  const rule = `${random.pick(actions)}${what}${writeSide(random, 'from', ins)}${writeSide(random, 'to', outs)}`;
  return /^(allow|deny|reject)$/.test(rule) ? `${rule} tcp 22` : rule;
}

/** Lines of one kind, which become one look-up; some say the same of the same. */
function writeList(random: Random): string {
  const actions = random.pick([['allow'], ['deny'], ['allow', 'deny', 'reject']]);
  const protocol = random.pick(['tcp', 'udp']);
  const targets = ['10.0.0.10', '10.0.0.20', '10.0.0.99', '192.168.1.10', '192.0.2.7', '192.0.2.66', '198.18.0.9'];
  const lines = Array.from({ length: random.between(4, 12) }, () => {
    const port = random.pick([22, 25, 53, 80, 443, 5000, 5002]);
    return `  ${random.pick(actions)} ${protocol} ${port} to ${random.pick(targets)}\n`;
  });
  return lines.join('');
}

function writePolicy(random: Random, name: string, from: readonly string[], to: readonly string[]): string {
  const actions = ['allow', 'allow', 'deny', 'reject'];
  const rules = Array.from({ length: random.below(5) }, () => `  ${writeRule(random, actions, from, to)}\n`);
  const end = random.pick(['allow', 'allow', 'deny', 'reject']);
  return `policy ${name} from ${from.join(', ')} to ${to.join(', ')} {\n${random.chance(0.3) ? writeList(random) : ''}${rules.join('')}  default ${end}\n}\n`;
}

function writeMasquerade(random: Random): string {
  const from = random.pick(['home', 'home, farm', 'home except han', 'net-a', '192.168.1.0/24, 10.0.0.0/24']);
  const lines = [
    `from ${from}`,
    'interface wan',
    ...(random.chance(0.4) ? ['family ipv4, ipv6'] : []),
    ...(random.chance(0.5) ? [`ports 30000-30999${random.pick(['', ' random'])}`] : []),
  ];
  const isFour = !lines.some((line) => line.startsWith('family'));
  if (isFour && random.chance(0.4)) {
    lines.push(
      `address ${random.pick(['203.0.113.40', '203.0.113.40-203.0.113.43', '203.0.113.40, 203.0.113.44-203.0.113.45'])}`,
    );
  }
  return `masquerade hide {\n  ${lines.join('\n  ')}\n}\n`;
}

function writeRedirect(random: Random, name: string, ports: readonly number[]): string {
  const address = random.pick(['', '', '', '  address 203.0.113.50, 2001:db8:ffff::50\n']);
  const listens = ports.map((port) => {
    const target = random.pick(['yoda', 'han', 'bert']);
    const shape = random.pick([
      `tcp ${port} to ${target}`,
      `tcp ${port} to ${target}:8080`,
      `udp ${port}-${port + 3} to ${target}:9000-9003`,
    ]);
    return `  listen ${shape}\n`;
  });
  const allow = random.pick(['any', 'peer', 'any except bad', 'net-a, peer', 'home']);
  return `redirect ${name} {\n  interface wan\n${address}${listens.join('')}  allow from ${allow}\n}\n`;
}

/** Perhaps one that the checker refuses: two things that could take one packet. */
export function makeGateway(random: Random): string {
  const own = Array.from({ length: random.below(3) }, () => {
    return `  ${writeRule(random, ['deny', 'reject'], ['lan', 'wan'], ['self'])}\n`;
  });
  const policies = [
    writePolicy(random, 'out', random.pick([['lan'], ['lan', 'dmz']]), ['wan']),
    random.chance(0.8) ? writePolicy(random, 'between', ['lan'], ['dmz']) : '',
    random.chance(0.6)
      ? writePolicy(random, 'in', ['wan'], random.pick([['lan'], ['lan', 'dmz'], ['dmz', 'self']]))
      : '',
    random.chance(0.4) ? writePolicy(random, 'within', ['lan'], ['lan']) : '',
    random.chance(0.4) ? writePolicy(random, 'back', ['dmz'], random.pick([['lan'], ['dmz']])) : '',
    random.chance(0.7) ? writePolicy(random, 'here', random.pick([['lan', 'dmz'], ['lan']]), ['self']) : '',
  ];
  const farm = random.chance(0.8)
    ? 'network farm = 10.0.0.0/24, 2001:db8:2::/64 on dmz\n'
    : 'set farm = 10.0.0.0/24, 2001:db8:2::/64\n';
  const part = random.chance(0.3) ? 'network part = 192.168.1.64/26 on dmz\n' : '';
  return `gateway g {
  default ${random.pick(['deny', 'reject'])}
${own.join('')}}
interface wan = wan0
interface lan = lan0
interface dmz = dmz0
network home = 192.168.1.0/24, 2001:db8:1::/64 on lan
${farm}${part}host han = 192.168.1.10, 2001:db8:1::10
host luke = 192.168.1.20
host yoda = 10.0.0.10, 2001:db8:2::10
host bert = 10.0.0.20
set peer = 192.0.2.7, 198.18.0.0/15, 2001:db8:5::/64
set bad = 192.0.2.66, 2001:db8:5::66
set net-a = 192.168.1.0/26, 10.0.0.16/28, 192.0.2.0-192.0.2.9, 198.18.0.9, 198.18.1.0/24, 198.18.3.1, 198.18.5.1, 2001:db8:1::/65
${policies.join('')}${random.chance(0.75) ? writeMasquerade(random) : ''}${
  random.chance(0.7)
    ? writeRedirect(
        random,
        'www',
        random.pick([
          [80, 5000],
          [80, 5000],
          [22, 53, 80, 443, 8005],
        ]),
      )
    : ''
}${
  random.chance(0.3) ? writeRedirect(random, 'mail', [25]) : ''
}${random.chance(0.25) ? `map m {\n  interface wan\n  inside 10.0.0.0/24\n  outside 203.0.114.0/24\n}\n` : ''}`;
}
