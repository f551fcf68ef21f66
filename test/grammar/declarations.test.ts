import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expectErrors, expectMended, linesOf, shapesOf } from './read.ts';

const test = suite('declarations');
const name = (text: string) => ({ kind: 'name', name: { text } });
const v4 = (text: string, first: string, last = first) => ({
  kind: 'address',
  form: text.includes('/') ? 'network' : 'address',
  family: 4,
  first,
  last,
  text,
});

test('interface, with and without lines of its own', () => {
  assert.equal(shapesOf('interface wan = ppp0 { mss clamp }'), [
    { kind: 'interface', name: { text: 'wan' }, device: { text: 'ppp0' }, mss: { kind: 'clamp' }, xdp: true },
  ]);
  assert.equal(shapesOf('interface wan = ppp0 {\n mss 1400\n}'), [
    {
      kind: 'interface',
      name: { text: 'wan' },
      device: { text: 'ppp0' },
      mss: { kind: 'bytes', bytes: { value: 1400 } },
      xdp: true,
    },
  ]);
  assert.equal(shapesOf('interface wan = ppp0'), [
    { kind: 'interface', name: { text: 'wan' }, device: { text: 'ppp0' }, mss: null, xdp: true },
  ]);
  const lan = { kind: 'interface', name: { text: 'lan' }, device: { text: 'veth0' } };
  assert.equal(shapesOf('interface lan = veth0 { xdp off }'), [{ ...lan, mss: null, xdp: false }]);
  for (const lines of ['mss clamp\n xdp off', 'xdp off\n mss clamp']) {
    assert.equal(shapesOf(`interface lan = veth0 {\n ${lines}\n}`), [{ ...lan, mss: { kind: 'clamp' }, xdp: false }]);
  }
  assert.equal(shapesOf('interface xdp = off {\n xdp off\n}\nzone off = xdp'), [
    { kind: 'interface', name: { text: 'xdp' }, device: { text: 'off' }, mss: null, xdp: false },
    { kind: 'zone', name: { text: 'off' }, members: [{ text: 'xdp' }] },
  ]);
});
test('interface mistakes', () => {
  expectMended('interface wan = ppp0 mss clamp', 'MQ120 1 mss', 'interface wan = ppp0 { mss clamp }');
  expectErrors('interface wan = ppp0 { mss }', 'MQ103 1');
  expectErrors('interface wan = ppp0 { clamp }', 'MQ101 1 clamp');
  expectErrors('interface wan = ppp0 {\n mss clamp\n mss 1400\n}', 'MQ108 3 mss');
  expectMended('interface lan = veth0 xdp off', 'MQ120 1 xdp', 'interface lan = veth0 { xdp off }');
  expectMended(
    'interface lan = veth0 xdp off mss 1400',
    'MQ120 1 xdp',
    'interface lan = veth0 {\n  xdp off\n  mss 1400\n}',
  );
  expectMended('interface lan = veth0\n xdp off\n}', 'MQ120 1', 'interface lan = veth0 {\n xdp off\n}');
  expectErrors('interface lan = veth0 {\n xdp off\n mss clamp\n xdp off\n}', 'MQ108 4 xdp');
  for (const line of ['xdp on', 'xdp native', 'xdp 1']) {
    const [said] = expectErrors(`interface lan = veth0 { ${line} }`, `MQ102 1 ${line.slice(4)}`);
    assert.is(said?.expected, '`off`');
  }
  assert.is(expectErrors('interface lan = veth0 { xdp }', 'MQ103 1')[0]?.expected, '`off`');
  expectMended('interface lan = veth0 { xdp of }', 'MQ106 1 of', 'interface lan = veth0 { xdp off }');
  expectMended('interface lan = veth0 { xpd off }', 'MQ101 1 xpd', 'interface lan = veth0 { xdp off }');
  expectMended('interface lan = veth0 { off }', 'MQ101 1 off', 'interface lan = veth0 { xdp off }');
  expectMended('interface lan = veth0 { mss 9 xdp off }', 'MQ124 1 xdp', 'interface lan = veth0 { mss 9 \nxdp off }');
  expectErrors('xdp off', 'MQ101 1 xdp');
  expectErrors('interface wan = ppp0 {\n}', 'MQ103 2 }');
  expectErrors('interface wan', 'MQ103 1');
  expectMended('interface wan ppp0', 'MQ113 1 ppp0', 'interface wan = ppp0');
  expectErrors('interface = ppp0', 'MQ113 1 =');
});
test('zone, network, host', () => {
  assert.equal(shapesOf('network home = 10.0.0.0/8, dynamic on lan'), [
    {
      kind: 'network',
      name: { text: 'home' },
      prefixes: [v4('10.0.0.0/8', '0xa000000', '0xaffffff'), { kind: 'dynamic' }],
      on: { text: 'lan' },
    },
  ]);
  assert.equal(shapesOf('host h = 10.0.0.1, 10.0.0.2 in home'), [
    {
      kind: 'host',
      name: { text: 'h' },
      addresses: [
        { address: v4('10.0.0.1', '0xa000001'), in: null },
        { address: v4('10.0.0.2', '0xa000002'), in: { text: 'home' } },
      ],
    },
  ]);
  expectErrors('network home = 10.0.0.0/8', 'MQ103 1');
  expectMended('network home = 10.0.0.0/8 lan', 'MQ113 1 lan', 'network home = 10.0.0.0/8 on lan');
  expectErrors('network home = lan on lan', 'MQ102 1 lan');
  expectErrors('host h = yoda', 'MQ102 1 yoda');
  expectMended('zone z = a b', 'MQ104 1 b', 'zone z = a, b');
  expectMended('host h = 10.0.0.1 10.0.0.2', 'MQ104 1 10.0.0.2', 'host h = 10.0.0.1, 10.0.0.2');
});
test('set, with exceptions and files', () => {
  assert.equal(shapesOf('set s = file "a.txt", file, any, self, b except c, 10.0.0.1'), [
    {
      kind: 'set',
      name: { text: 's' },
      addresses: {
        items: [{ kind: 'file', path: { value: 'a.txt' } }, name('file'), { kind: 'any' }, { kind: 'self' }, name('b')],
        except: [name('c'), v4('10.0.0.1', '0xa000001')],
      },
    },
  ]);
  expectErrors('set s = a except b except c', 'MQ102 1 except');
});
test('service: a bare port takes the protocol before it', () => {
  const tcp = (first: number, last = first) => ({ kind: 'ports', protocol: 'tcp', ports: { first, last } });
  assert.equal(shapesOf('service s = tcp 80, 443, 8000-8010, icmp, 99, icmp echo-reply, gre, esp, web, icmp 8'), [
    {
      kind: 'service',
      name: { text: 's' },
      what: {
        items: [
          tcp(80),
          tcp(443),
          tcp(8000, 8010),
          { kind: 'icmp', type: null, ports: null },
          { kind: 'bare-ports', ports: { first: 99, last: 99 } },
          { kind: 'icmp', type: { text: 'echo-reply' }, ports: null },
          { kind: 'gre' },
          { kind: 'esp' },
          { kind: 'service', name: { text: 'web' } },
          { kind: 'icmp', type: null, ports: { first: 8, last: 8 } },
        ],
      },
    },
  ]);
  assert.equal(shapesOf('service s = 80')[0], {
    kind: 'service',
    name: { text: 's' },
    what: { items: [{ kind: 'bare-ports', ports: { first: 80, last: 80 } }] },
  });
});
test('a protocol needs its ports', () => {
  expectMended('service s = tcp', 'MQ112 1', 'service s = tcp 1-65535');
  expectMended('service s = tcp, udp 53', 'MQ112 1 ,', 'service s = tcp 1-65535, udp 53');
  expectErrors('service s = tcp http', 'MQ102 1 http');
});
test('include', () => {
  assert.equal(shapesOf('include "a.masq"'), [{ kind: 'include', path: { value: 'a.masq' } }]);
  expectMended('include other', 'MQ115 1 other', 'include "other"');
});
test('a name needs no quotes', () => {
  expectMended('zone "a" = b', 'MQ115 1 "a"', 'zone a = b');
});
test('gateway lines', () => {
  const rule = { what: null, from: null, to: null, limit: null, log: null };
  const lines = `datapath ebpf\ndefault deny log\nflows 10\ntimeout tcp 1h, tcp-fin 1m\nconfirm within 60s
    confirm by udp self\nestablished recheck\naccount home except x\nreject from any`;
  assert.equal(linesOf(`gateway g {\n${lines}\n}`), [
    { kind: 'datapath', value: { text: 'ebpf' } },
    { kind: 'default', action: { text: 'deny' }, log: { label: null, rate: null } },
    { kind: 'flows', count: { value: 10 } },
    {
      kind: 'timeout',
      entries: [
        { protocol: { text: 'tcp' }, time: { ms: 3_600_000 } },
        { protocol: { text: 'tcp-fin' }, time: { ms: 60_000 } },
      ],
    },
    { kind: 'confirm-within', time: { ms: 60_000 } },
    { kind: 'confirm-by', protocol: { text: 'udp' }, endpoint: { machine: { kind: 'self' }, ports: null } },
    { kind: 'established', value: { text: 'recheck' } },
    { kind: 'account', addresses: { items: [name('home')], except: [name('x')] } },
    { kind: 'rule', action: 'reject', ...rule, from: { items: [{ kind: 'any' }], except: [] } },
  ]);
});
test('why `masquerade` and `allow` are no default of a gateway is left to the checker', () => {
  for (const action of ['masquerade', 'allow']) {
    const lines = linesOf(`gateway g {\ndefault ${action}\n}`);
    assert.equal(lines, [{ kind: 'default', action: { text: action }, log: null }]);
  }
  expectMended('gateway g {\ndefault drop\n}', 'MQ126 2 drop', 'gateway g {\ndefault deny\n}');
  expectMended('gateway g {\ndefault dney\n}', 'MQ126 2 dney', 'gateway g {\ndefault deny\n}');
  expectErrors('gateway g {\ndefault\n}', 'MQ103 2');
});

test.run();
