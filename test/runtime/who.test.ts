/** `masqc who`: whose an outside port is, by the file alone. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { runExpectations } from '../../compiler/simulate/expect.ts';
import type { Connection } from '../../runtime/show/connection.ts';
import { findHolders, readAsked, renderHolder } from '../../runtime/show/who.ts';
import { LiveHolders, renderLive } from '../../runtime/show/who-live.ts';

const test = suite('who');
const compiled = (name: string) => {
  const path = new URL(`../../examples/${name}.masq`, import.meta.url);
  const { model, diagram, diagnostics } = compile(`${name}.masq`, () => ({ text: readFileSync(path, 'utf8') }));
  if (model === null) throw new Error(diagnostics.map(({ message }) => message).join());
  return { model, diagram };
};
const who = (name: string, text: string) => {
  const asked = readAsked(text);
  return asked === null ? null : findHolders(compiled(name).model, asked).map(renderHolder).join('');
};

test('a port leads to its customer, a customer to its ports', () => {
  const line = '100.64.0.67 is 203.0.113.17:4024-5023 beyond internet (cgn, line 28)\n';
  assert.is(who('carrier', '203.0.113.17:4711'), line);
  assert.is(who('carrier', '100.64.0.67'), line);
  assert.is(who('carrier', '203.0.113.17:1023'), '');
  assert.is(who('carrier', '203.0.113.17:65535'), '');
  assert.is(who('carrier', '198.51.100.1:4711'), '');
});

test('a map leads both ways', () => {
  const line = '192.168.1.20 is 10.1.0.20 beyond tunnel (to-other, line 34)\n';
  assert.is(who('two-sites', '10.1.0.20'), line);
  assert.is(who('two-sites', '192.168.1.20:80'), line);
  assert.match(who('nptv6', '[2001:db8:1:d550::1234]:80') ?? '', 'fd01:203:405:1::1234 is 2001:db8:1:d550::1234');
  assert.match(who('nptv6', 'fd01:203:405:1::1234') ?? '', 'is 2001:db8:1:d550::1234 beyond wan');
});

test('reads addresses as they are written, and nothing else', () => {
  for (const wrong of [
    '',
    'han',
    '203.0.113.300',
    '203.0.113.7:0',
    '203.0.113.7:65536',
    '[203.0.113.7]:80',
    '2001:db8::7:',
  ])
    assert.is(readAsked(wrong), null, wrong);
  assert.equal(readAsked('203.0.113.7:80'), { family: 4, address: 0xcb007107n, port: 80 });
});

const flow = (source: string, sport: number, outside: number, change: Partial<Connection> = {}): Connection =>
  ({
    protocol: 'udp',
    source: { address: source, port: sport },
    destination: { address: '198.51.100.9', port: 53 },
    masqueraded: { address: '203.0.113.5', port: outside },
    redirected: null,
    state: 'answered',
    ageMs: 1000,
    ...change,
  }) as Connection;
const redirected: Partial<Connection> = {
  protocol: 'tcp',
  destination: { address: '203.0.113.5', port: 80 },
  masqueraded: null,
  redirected: { address: '192.168.1.10', port: 8080 },
};
const FLOWS = [
  flow('192.168.1.20', 1033, 61002),
  flow('192.168.1.20', 1033, 61002, { ageMs: 12_300 }),
  flow('192.168.1.20', 1034, 61003),
  flow('192.168.1.20', 1035, 61002, { protocol: 'tcp' }),
  flow('192.168.1.21', 1036, 61002, { state: 'ending' }),
  flow('198.51.100.7', 5000, 0, redirected),
  flow('2001:db8:1::20', 7, 61002, { masqueraded: { address: '2001:db8::5', port: 61002 } }),
  flow('192.168.1.22', 1037, 0, { masqueraded: null }),
];
const live = (text: string) => {
  const holders = new LiveHolders(readAsked(text)!);
  for (const one of FLOWS) holders.add(one);
  return holders.list().map(renderLive).join('');
};

test('connections say who has a port now', () => {
  assert.is(
    live('203.0.113.5:61002'),
    '192.168.1.20:1033 is 203.0.113.5:61002 now (udp, 2 connections, the first 12 s ago)\n' +
      '192.168.1.20:1035 is 203.0.113.5:61002 now (tcp, 1 connection, the first 1 s ago)\n',
  );
  assert.is(
    live('192.168.1.20'),
    '192.168.1.20 is 203.0.113.5 now (udp, 2 ports, 3 connections, the first 12 s ago)\n' +
      '192.168.1.20 is 203.0.113.5 now (tcp, 1 connection, the first 1 s ago)\n',
  );
  assert.match(live('203.0.113.5:80'), /^192\.168\.1\.10:8080 is 203\.0\.113\.5:80 now \(tcp/);
  assert.match(live('[2001:DB8:0::5]:61002'), /^\[2001:db8:1::20\]:7 is \[2001:db8::5\]:61002 now/);
  assert.is(live('203.0.113.5:61004'), '');
  assert.is(live('192.168.1.22'), '');
});

for (const name of ['two-sites', 'carrier', 'nptv6']) {
  test(`examples/${name}.masq means what it says`, () => {
    const { model, diagram } = compiled(name);
    const steps = runExpectations(model, diagram).flatMap((one) => one.steps);
    assert.ok(steps.length > 0);
    for (const step of steps) assert.ok(step.passed, `${step.packet} ${step.happened}`);
  });
}

test.run();
