import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IngressLeaf, NatLeaf, PolicyDiagram, PolicyLeaf } from '../../../compiler/diagram/diagram.ts';
import { createStore } from '../../../compiler/diagram/store.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import { pairedAddress } from '../../../compiler/pairing.ts';
import { makeListen, makeMasquerade, makeModel, makeRedirect } from '../../compiler/ebpf/fixtures.ts';
import { needs } from '../../lab/skip.ts';
import { PolicyInKernel } from './policy-in-kernel.ts';

needs('linux', 'root', 'btf');

const PORT_END = 65535n;
const model = makeModel(
  [
    'default deny',
    'allow tcp 22',
    'deny from blocked log "blocked"',
    'masquerade home-out {',
    'listen tcp 8000-8010 to 192.168.2.10:80-90',
    'listen tcp 443 to 192.168.2.10:8443',
    'masquerade guests {',
  ],
  {
    masquerades: [
      makeMasquerade(4, null, { first: 61000, last: 65095 }),
      makeMasquerade(7, [
        { first: 0xcb007101, last: 0xcb007101 },
        { first: 0xcb007110, last: 0xcb007112 },
      ]),
    ],
    redirects: [
      makeRedirect([
        makeListen(
          5,
          { first: 8000, last: 8010 },
          { kind: 'address', family: 4, address: 0xc0a8020an },
          { first: 80, last: 90 },
        ),
        makeListen(
          6,
          { first: 443, last: 443 },
          { kind: 'address', family: 4, address: 0xc0a8020an },
          { first: 8443, last: 8443 },
        ),
      ]),
    ],
  },
);

function makeDiagram(): PolicyDiagram {
  const ingress = createStore<IngressLeaf>((leaf) => JSON.stringify(leaf));
  const policy = createStore<PolicyLeaf>((leaf) => JSON.stringify(leaf));
  const nat = createStore<NatLeaf>((leaf) => JSON.stringify(leaf));
  const goOn = ingress.leaf({ verdict: 'continue' });
  const blocked = ingress.leaf({ verdict: 'deny', rule: 3, log: true });
  const ports = ingress.branch('dport', [
    { last: 442n, to: goOn },
    { last: 443n, to: ingress.leaf({ verdict: 'redirect', rule: 6, log: false }) },
    { last: 7999n, to: goOn },
    { last: 8010n, to: ingress.leaf({ verdict: 'redirect', rule: 5, log: false }) },
    { last: PORT_END, to: goOn },
  ]);
  const sources = ingress.branch('saddr4', [
    { last: 0xc6336400n - 1n, to: goOn },
    { last: 0xc63364ffn, to: blocked },
    { last: 0xffffffffn, to: goOn },
  ]);
  const byProtocol = ingress.branch('protocol', [
    { last: 5n, to: sources },
    { last: 6n, to: ports },
    { last: 255n, to: sources },
  ]);
  const none = policy.leaf({ verdict: 'deny', rule: 1, log: false });
  const allowed = policy.leaf({ verdict: 'allow', rule: 2, log: false });
  const masquerade = (id: number) => nat.leaf({ nat: id, untranslated: false });
  return {
    ingress: ingress.branch('family', [
      { last: 4n, to: byProtocol },
      { last: 255n, to: goOn },
    ]),
    policy: policy.branch('out', [
      { last: 0n, to: none },
      {
        last: 1n,
        to: policy.branch('dport', [
          { last: 21n, to: none },
          { last: 24n, to: allowed },
          { last: PORT_END, to: none },
        ]),
      },
      { last: 255n, to: none },
    ]),
    nat: nat.branch('dport', [
      { last: 22n, to: masquerade(4) },
      { last: 23n, to: masquerade(7) },
      { last: PORT_END, to: nat.leaf({ nat: 0, untranslated: true }) },
    ]),
    redirected: nat.branch('in', [
      { last: 1n, to: masquerade(0) },
      { last: 2n, to: masquerade(4) },
      { last: 255n, to: nat.leaf({ nat: 0, untranslated: true }) },
    ]),
  };
}

const test = suite('a small policy in the kernel');
const kernel = new PolicyInKernel();
test.after(() => kernel.close());
kernel.load(
  emitPolicy(model, makeDiagram(), kernel.layout, [
    { file: 'small.masq', text: `${'\n'.repeat(11)}  allow tcp 22   # for the admin\n` },
  ]),
);

const answer = ({
  verdict,
  rule,
  log,
  nat,
  to_port,
  to_addr,
  nat_addr,
  port_first,
  port_last,
  mapping,
  filtering,
  habits,
}: ReturnType<typeof kernel.ask>[number]) => ({
  verdict,
  rule,
  log,
  nat,
  to_port,
  to_addr: (to_addr as number[])[0],
  nat_addr: (nat_addr as number[])[0],
  port_first,
  port_last,
  mapping,
  filtering,
  habits,
});
const nothing = {
  verdict: 0,
  rule: 0,
  log: 0,
  nat: 0,
  to_port: 0,
  to_addr: 0,
  nat_addr: 0,
  port_first: 0,
  port_last: 0,
  mapping: 0,
  filtering: 0,
  habits: 0,
};

test('continues, denies with the log bit, and redirects with a shifted port', () => {
  const answers = kernel.ask('ingress', [
    { family: 4, protocol: 17, saddr: 0xc6336380 },
    { family: 4, protocol: 17, saddr: 0xc6336480 },
    { family: 4, protocol: 6, dport: 8007 },
    { family: 4, protocol: 6, dport: 443 },
    { family: 6, protocol: 6, dport: 443 },
  ]);
  assert.equal(answers.map(answer), [
    nothing,
    { ...nothing, verdict: 2, rule: 3, log: 1 },
    { ...nothing, verdict: 4, rule: 5, to_addr: 0xc0a8020a, to_port: 87 },
    { ...nothing, verdict: 4, rule: 6, to_addr: 0xc0a8020a, to_port: 8443 },
    nothing,
  ]);
});

const behaviour = { mapping: 2, filtering: 1 };

test('fills in the pool of the masquerade, or says that one is missing', () => {
  const [own, other, denied, hidden] = kernel
    .ask('forward', [
      { out: 1, dport: 22 },
      { out: 1, dport: 23, saddr: 7 },
      { out: 2, dport: 22 },
      { out: 1, dport: 24 },
    ])
    .map(answer);
  assert.equal(own, { ...nothing, verdict: 1, rule: 2, nat: 4, port_first: 61000, port_last: 65095, ...behaviour });
  const pool = {
    nat: 7,
    nat_addr: Number(pairedAddress(model.masquerades[1]!, 4, 7n)),
    port_first: 1024,
    port_last: 32767,
    ...behaviour,
  };
  assert.equal(other, { ...nothing, verdict: 1, rule: 2, ...pool });
  assert.equal(denied, { ...nothing, verdict: 2, rule: 1 });
  assert.equal(hidden, { ...nothing, verdict: 6, rule: 2 });
});

test('after a redirect tells nothing but the masquerade, or that one is missing', () => {
  const answers = kernel.ask('forward', [
    { verdict: 1, rule: 6, out: 2, in: 1 },
    { verdict: 1, rule: 6, out: 2, in: 2 },
    { verdict: 1, rule: 6, out: 2, in: 3 },
  ]);
  assert.equal(answers.map(answer), [
    { ...nothing, verdict: 1, rule: 6 },
    { ...nothing, verdict: 1, rule: 6, nat: 4, port_first: 61000, port_last: 65095, ...behaviour },
    { ...nothing, verdict: 6, rule: 6 },
  ]);
});

test('shows the lines of the file in the dump of the loaded program', () => {
  const dump = kernel.dump('forward');
  assert.match(dump, '; allow tcp 22   # for the admin [file:small.masq line_num:12 line_col:3]');
  assert.match(dump, '; default deny [file:small.masq line_num:11 line_col:3]');
});

test.run();
