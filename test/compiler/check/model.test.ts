import { readFileSync } from 'node:fs';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatSet } from '../../../compiler/addresses.ts';
import type { Model } from '../../../compiler/model.ts';
import { checkText, describe, GATEWAY, NETWORK } from './check-text.ts';

const suite = makeSuite('the checked model');

function modelOf(text: string): Model {
  const { model, diagnostics } = checkText(text);
  assert.ok(model, describe(diagnostics));
  return model;
}
const onNetwork = (text: string): Model => modelOf(GATEWAY + NETWORK + text);

suite('numbers what decides in the order of the file, with its sentence', () => {
  const model = modelOf(readFileSync(new URL('../../../examples/deathstar.masq', import.meta.url), 'utf8'));
  assert.equal(
    model.rules.map(({ id }) => id),
    model.rules.map((_, i) => i + 1),
  );
  const starts = model.rules.filter(({ kind }) => kind !== 'self-default').map(({ span }) => span.start);
  assert.equal(
    starts,
    [...starts].sort((a, b) => a - b),
  );
  const texts = model.rules.map(({ kind, owner, text }) => `${kind} ${owner}: ${text}`);
  for (const expected of [
    'gateway-default deathstar: default deny',
    'gateway-rule deathstar: deny from blocked',
    'policy-rule lan-out: deny tcp 25',
    'policy-default between: default reject',
    'masquerade home-out: masquerade home-out',
    'redirect xterm: listen tcp 6001 to han:6000',
    'redirect-denied xterm: allow from partners',
  ]) {
    assert.ok(texts.includes(expected), expected);
  }
  assert.equal(
    model.interfaces.map(({ id, name, device }) => `${id} ${name} ${device}`),
    ['1 wan ppp0', '2 lan eth0', '3 dmz eth1'],
  );
  assert.equal(model.gateway.timeouts, {
    tcp: 900_000,
    'tcp-syn': 240_000,
    'tcp-fin': 120_000,
    udp: 300_000,
    icmp: 60_000,
    other: 300_000,
  });
});

suite('quotes a sentence of several lines as one, without its comments', () => {
  const model = onNetwork(
    'policy p from lan to wan {\n  allow web, # the web\n    tcp 25 to yoda,  # mail\n    leia\n  default deny\n}\n',
  );
  assert.is(
    model.rules.find(({ kind, owner }) => kind === 'policy-rule' && owner === 'p')?.text,
    'allow web, tcp 25 to yoda, leia',
  );
});

suite('keeps places and addresses of a side apart', () => {
  const model = onNetwork('policy p from any to wan {\n  allow from lan, yoda except han\n  default deny\n}\n');
  const rule = model.policies.find(({ name }) => name === 'p')?.rules[0];
  assert.equal(rule?.from.include.interfaces, [2]);
  assert.is(formatSet(rule?.from.include.addresses ?? { v4: [], v6: [] }), '192.168.2.10, 2001:db8:2::10');
  assert.is(formatSet(rule?.from.except?.addresses ?? { v4: [], v6: [] }), '192.168.1.20');
  assert.is(rule?.to.include.any, true);
});

suite('resolves names that are declared later, sets of sets, and services of services', () => {
  const model = onNetwork(
    'policy p from lan to wan {\n  allow s from a\n  default deny\n}\nset a = b, 10.0.0.1\nset b = home except han\nservice s = web, t\nservice t = udp 53, icmp\n',
  );
  const rule = model.policies.find(({ name }) => name === 'p')?.rules[0];
  assert.is(
    formatSet(rule?.from.include.addresses ?? { v4: [], v6: [] }, 9),
    '10.0.0.1, 192.168.1.0-192.168.1.19, 192.168.1.21-192.168.1.255',
  );
  assert.equal(
    rule?.services.map(({ protocol, ports }) => `${protocol} ${ports?.first ?? ''}`),
    ['tcp 80', 'tcp 443', 'udp 53', 'icmp '],
  );
});

suite('means every declared interface by `any`, and the gateway only by `self`', () => {
  const model = modelOf(
    `${NETWORK}gateway g {\n  default deny\n}\npolicy p from any except wan to any, self {\n  default allow\n}\n`,
  );
  assert.equal(model.policies[0]?.from, [2, 3]);
  assert.equal(model.policies[0]?.to, [0, 1, 2, 3]);
});

suite('lets a redirect listen once for each family of its target', () => {
  const model = onNetwork(
    'redirect r {\n  interface wan\n  listen tcp 80-81, udp 7 to yoda\n  listen tcp 443 to leia:8443\n  allow from any\n}\n',
  );
  const listens = model.redirects[0]?.listens ?? [];
  assert.equal(
    listens.map(
      ({ service, target, targetPorts }) =>
        `${service.protocol} ${service.ports?.first} ${target.kind === 'address' && target.family} ${targetPorts?.first ?? ''}`,
    ),
    ['tcp 80 4 ', 'tcp 80 6 ', 'udp 7 4 ', 'udp 7 6 ', 'tcp 443 4 8443'],
  );
  assert.is(new Set(listens.map(({ id }) => id)).size, 5);
  for (const { id, span } of listens) assert.is(model.rules[id - 1]?.span.line, span.line);
  assert.is(model.redirects[0]?.addresses, null);
});

suite('chooses a pool that no socket of the gateway and no redirect can meet', () => {
  const masquerade = 'masquerade m {\n  from home\n  interface wan\n}\n';
  assert.equal(onNetwork(masquerade).masquerades[0]?.ports, { first: 1024, last: 32767 });
  const redirect = (ports: string) =>
    `redirect r {\n  interface wan\n  listen tcp ${ports} to yoda\n  allow from partners\n}\n`;
  assert.equal(onNetwork(masquerade + redirect('8080')).masquerades[0]?.ports, { first: 8081, last: 32767 });
  assert.equal(onNetwork(masquerade + redirect('25000')).masquerades[0]?.ports, { first: 1024, last: 24999 });
  assert.equal(onNetwork(masquerade + redirect('1-32000')).masquerades[0]?.ports, { first: 61000, last: 65535 });
});

suite('keeps source ports and lets both sides refresh, unless the masquerade says otherwise', () => {
  const habits = (lines: string) => {
    const [one] = onNetwork(`masquerade m {\n  from home\n  interface wan\n${lines}}\n`).masquerades;
    return [one?.ports, one?.choice, one?.refresh];
  };
  const chosen = { first: 1024, last: 32767 };
  assert.equal(habits(''), [chosen, 'keep', 'both']);
  assert.equal(habits('  ports random\n  refresh outbound\n'), [chosen, 'random', 'outbound']);
  assert.equal(habits('  ports 5000-5999 random\n  refresh both\n'), [{ first: 5000, last: 5999 }, 'random', 'both']);
  assert.equal(habits('  ports keep\n'), [chosen, 'keep', 'both']);
});

suite('reads an expected packet in the family that both ends have', () => {
  const model = onNetwork(
    'expect "x" {\n  tcp from yoda on dmz to [2001:db8::1]:80 is denied\n  icmp from yoda on dmz to wan is denied\n  udp from han:53 on lan to self:53 is denied\n}\n',
  );
  const [six, ping, dns] = (model.expectations[0]?.steps ?? []).filter((step) => 'family' in step);
  assert.is(six?.family, 6);
  assert.equal(ping?.to, { kind: 'own', interface: 1 });
  assert.equal([ping?.family, ping?.icmpType, ping?.toPort], [4, 8, null]);
  assert.equal([dns?.fromPort, dns?.toPort, dns?.to.kind], [53, 53, 'self']);
});

suite('denies by default where the gateway does not say', () => {
  const model = modelOf('interface lan = eth0\ngateway g {\n}\n');
  assert.is(model.gateway.default.decision, 'deny');
  assert.equal(
    model.rules.map(({ kind }) => kind),
    ['gateway-default', 'self-default'],
  );
});

suite('is made only of a file without errors', () => {
  assert.is(checkText('interface lan = eth0\ngateway g {\n  flows 0\n}\n').model, null);
  assert.is(checkText('gateway g {\n  default deny\n}\nhots x = 1.2.3.4\n').model, null);
});

suite.run();
