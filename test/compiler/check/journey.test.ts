/** What is said across blocks, against every packet of a small universe that is led through the diagrams. */
import * as fc from 'fast-check';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import type { PolicyDiagram } from '../../../compiler/diagram/diagram.ts';
import { type FieldValues, walk, walkForward } from '../../../compiler/diagram/walk.ts';
import type { Model } from '../../../compiler/model.ts';
import { mapAddress } from '../../../compiler/prefix-translation.ts';
import { decide as decideFirst, surroundingsOf } from '../../../compiler/simulate/decide.ts';
import { listPackets } from '../../../compiler/simulate/variants.ts';
import type { Diagnostic } from '../../../grammar/diagnostic.ts';
import { checkText, describe } from './check-text.ts';

const suite = makeSuite('what comes first on the journey');

const INTERFACES = { wan: 1, lan: 2, dmz: 3 } as const;
const HEAD = `interface wan = eth0
interface lan = eth1
interface dmz = eth2
network home = 10.0.0.0/30 on lan
network servers = 10.0.0.4/31 on dmz
`;
const MAP = 'map m {\n  interface wan\n  inside 10.0.0.0/31\n  outside 10.9.0.0/31\n}\n';

/** Every address that some line tells apart, and one of the other family, which no line names. */
const SOURCES = [
  '10.0.0.0',
  '10.0.0.1',
  '10.0.0.2',
  '10.0.0.3',
  '10.0.0.4',
  '10.0.0.5',
  '10.0.0.6',
  '10.0.0.8',
  '10.9.0.0',
  '10.9.0.1',
  '192.0.2.1',
];
const SERVICES: readonly (readonly [number, number])[] = [
  [6, 80],
  [6, 81],
  [6, 9],
  [17, 80],
  [17, 9],
  [47, 0],
];
const number = (address: string): bigint => address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);

function* makeUniverse(): Generator<FieldValues> {
  for (const at of Object.values(INTERFACES)) {
    for (const [protocol, dport] of SERVICES) {
      for (const where of [1n, 2n, 3n, 0n, 255n, 256n, 257n]) {
        // 1-3: leaves by it; 0, 255: another address of the gateway, 256 + …: its address on an interface
        const exit =
          where >= 1n && where <= 3n ? { own: 0n, out: where } : { own: where >= 256n ? where - 255n : 255n, out: 0n };
        const common = { in: BigInt(at), protocol: BigInt(protocol), dport: BigInt(dport), ...exit };
        yield { ...common, family: 6n, saddr6: 9n, daddr6: 9n };
        for (const from of SOURCES)
          for (const to of SOURCES) yield { ...common, family: 4n, saddr4: number(from), daddr4: number(to) };
      }
    }
  }
}
const PACKETS = [...makeUniverse()];

interface Outcome {
  readonly rule: number;
  readonly verdict: string;
  readonly nat: number;
}

function decide(model: Model, diagram: PolicyDiagram, packet: FieldValues): Outcome {
  const leaf = walk(diagram.ingress, packet);
  const forward = (values: FieldValues): Outcome => walkForward(diagram, values);
  switch (leaf.verdict) {
    case 'continue':
      return forward(packet);
    case 'forged':
      return { rule: 0, verdict: 'forged', nat: 0 };
    case 'map': {
      const map = model.maps[0]!;
      const daddr4 = mapAddress(packet.daddr4 ?? 0n, 4, map.outside, map.inside);
      assert.ok(daddr4 !== null);
      return packet.out === 0n ? { rule: 0, verdict: 'map', nat: 0 } : forward({ ...packet, daddr4, own: 0n });
    }
    default:
      return { rule: leaf.rule, verdict: leaf.verdict, nat: 0 };
  }
}

const part = (word: string, ...values: readonly string[]) =>
  fc.constantFrom('', ...values.map((value) => ` ${word} ${value}`));
const what = fc
  .constantFrom('', ' tcp 80', ' tcp 80-81', ' tcp', ' udp 80', ' tcp 81, udp 80')
  .map((text) => (text === ' tcp' ? ' tcp 1-65535' : text));
const from = part(
  'from',
  '10.0.0.0/30',
  '10.0.0.1',
  '10.0.0.2, 10.0.0.8',
  '10.0.0.4/31',
  '10.0.0.0/29 except 10.0.0.1',
  '10.0.0.8, 10.0.0.1',
);
const to = part('to', '10.0.0.0/31', '10.0.0.0/29', '10.0.0.2', '10.9.0.0/31', '10.0.0.8, 10.9.0.1', 'self');
const line = (...actions: readonly string[]) =>
  fc.tuple(fc.constantFrom(...actions), what, from, to).map((words) => words.join(''));
const lines = (few: number, ...actions: readonly string[]) =>
  fc.array(
    line(...actions).filter((text) => text.includes(' ')),
    { maxLength: few },
  );
const redirect = fc
  .tuple(
    fc.constantFrom('wan', 'wan, lan', 'lan, dmz, wan'),
    fc.constantFrom('', '  address 10.0.0.8\n', '  address 10.0.0.8, 10.0.0.2\n', '  address any\n'),
    fc.uniqueArray(fc.constantFrom('tcp 80', 'tcp 81', 'udp 80'), { minLength: 1 }),
    fc.constantFrom('any', '10.0.0.0/30', '10.0.0.1', '10.0.0.4/31', 'lan'),
  )
  .map(
    ([places, address, ports, who]) =>
      `redirect r {\n  interface ${places}\n${address}${ports.map((port) => `  listen ${port} to 10.0.0.5\n`).join('')}  allow from ${who}\n}\n`,
  );
const block = (name: string, head: string, body: readonly string[], last: string) =>
  `policy ${name} from ${head} {\n${body.map((text) => `  ${text}\n`).join('')}  default ${last}\n}\n`;
const file = fc
  .record({
    own: lines(2, 'deny', 'reject'),
    redirect: fc.oneof(fc.constant(''), redirect),
    map: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: fc.constant(MAP) }),
    heads: fc.constantFrom(
      ['lan to wan', 'wan to self'],
      ['lan, dmz to wan', 'lan to self'],
      ['wan to lan, dmz', 'any to self'],
    ),
    first: lines(5, 'allow', 'deny'),
    second: lines(4, 'allow', 'deny', 'reject'),
    last: fc.constantFrom('deny', 'deny', 'allow'),
    hidden: fc.constantFrom('', '10.0.0.0/30', '10.0.0.1', '10.0.0.4/31'),
  })
  .map(({ own, redirect, map, heads, first, second, last, hidden }) => {
    const masquerade = hidden === '' ? '' : `masquerade h {\n  from ${hidden}\n  interface wan\n}\n`;
    const gateway = `gateway g {\n  default deny\n${own.map((text) => `  ${text}\n`).join('')}}\n`;
    return `${HEAD}${gateway}${map}${redirect}${masquerade}${block('p', heads[0]!, first, last)}${block('q', heads[1]!, second, 'deny')}`;
  })
  .filter((text) => checkText(text).model !== null);

const NEVER = ['MQ401', 'MQ411', 'MQ412'];
const codesAt = (diagnostics: readonly Diagnostic[], codes: readonly string[]) =>
  diagnostics.filter(({ code }) => codes.includes(code));

suite('a line is reported exactly where no packet is left for it, a masquerade where it hides none', () => {
  const found = new Map<string, number>();
  fc.assert(
    fc.property(file, (text) => {
      const { model, diagnostics } = checkText(text);
      assert.ok(model !== null);
      const diagram = buildPolicyDiagram(model);
      const decided = new Set<number>();
      const hiding = new Set<number>();
      for (const packet of PACKETS) {
        const { rule, nat } = decide(model, diagram, packet);
        decided.add(rule);
        if (nat !== 0) hiding.add(nat);
      }
      for (const { code } of diagnostics) found.set(code, (found.get(code) ?? 0) + 1);
      const said = codesAt(diagnostics, NEVER).map(({ span }) => span.line);
      const deaf = model.redirects.some(({ listens }) => !listens.some(({ id }) => decided.has(id)));
      const silent = model.rules
        .filter(
          ({ kind, id }) =>
            !decided.has(id) && (kind === 'policy-rule' || kind === 'gateway-rule' || (kind === 'redirect' && !deaf)),
        )
        .map(({ span }) => span.line);
      // Lines of a redirect that hears nothing are one diagnostic, at whom it lets in.
      for (const { listens, allowSpan } of model.redirects) if (deaf && listens.length > 0) silent.push(allowSpan.line);
      const same = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b);
      // A map adds packets that no line of the gateway has seen: then less is said.
      if (model.maps.length === 0) assert.equal(same(said), same(silent), `${text}\n${describe(diagnostics)}`);
      else for (const one of said) assert.ok(silent.includes(one), `${text}\n${describe(diagnostics)}`);
      for (const { id, name } of model.masquerades) {
        const idle = diagnostics.some(({ code, message }) => code === 'MQ413' && message.includes(`\`${name}\``));
        if (idle || model.redirects.length + model.maps.length === 0) assert.is(hiding.has(id), !idle, text);
      }
    }),
    { numRuns: 250, seed: 11 },
  );
  for (const code of [...NEVER, 'MQ413']) assert.ok((found.get(code) ?? 0) > 10, `${code} must be among the cases`);
});

suite('the packet that is shown is decided by the line that is shown', () => {
  let shown = 0;
  fc.assert(
    fc.property(file, (text) => {
      for (const { related, span } of codesAt(checkText(text).diagnostics, [...NEVER, 'MQ415'])) {
        for (const { message, span: taker } of related) {
          const packet = /^decides (.*) first$/.exec(message)?.[1];
          if (packet === undefined) continue;
          shown++;
          const { model, diagnostics } = checkText(`${text}expect "w" {\n  ${packet} is denied\n}\n`);
          const step = model?.expectations[0]?.steps[0];
          assert.ok(model !== null && step !== undefined && !('waitMs' in step), `${packet}\n${describe(diagnostics)}`);
          const diagram = buildPolicyDiagram(model);
          const policy = model.policies.findLast((one) => one.span.line < span.line);
          const routes = () => policy?.to ?? [1];
          const around = { ...surroundingsOf(model, diagram), routes };
          for (const one of listPackets(model, diagram, step)) {
            const by = decideFirst(model, diagram, one, around).map(({ rule }) => model.rules[rule - 1]);
            const said = by.some((origin) => origin?.span.line === taker.line || origin?.kind === 'redirect-denied');
            assert.ok(said, `${text}\n${packet}\n${by.map((origin) => origin?.text)}`);
          }
        }
      }
    }),
    { numRuns: 300, seed: 13 },
  );
  assert.ok(shown > 100, `${shown} packets`);
});

suite('what is not needed can be left out', () => {
  let lines = 0;
  let parts = 0;
  fc.assert(
    fc.property(file, (text) => {
      const { model, diagnostics } = checkText(text);
      assert.ok(model !== null);
      const before = buildPolicyDiagram(model);
      for (const { code, span } of codesAt(diagnostics, ['MQ414', 'MQ415'])) {
        if (code === 'MQ414') lines++;
        else if (text.slice(0, span.start).endsWith('from ') || text.slice(0, span.start).endsWith(', ')) parts++;
        const cut = code === 'MQ414' ? cutLine(text, span.start) : cutItem(text, span);
        const changed = checkText(cut);
        if (changed.model === null) continue; // a bare port has lost its protocol
        const after = buildPolicyDiagram(changed.model);
        for (const packet of PACKETS) {
          const was = decide(model, before, packet);
          const is = decide(changed.model, after, packet);
          assert.is(`${is.verdict} ${is.nat !== 0}`, `${was.verdict} ${was.nat !== 0}`, `${text}\n\n${cut}`);
        }
      }
    }),
    { numRuns: 300, seed: 12 },
  );
  assert.ok(lines > 10 && parts > 5, `${lines} lines, ${parts} parts`);
});

function cutLine(text: string, start: number): string {
  return text.slice(0, text.lastIndexOf('\n', start)) + text.slice(text.indexOf('\n', start));
}
function cutItem(text: string, { start, end }: { readonly start: number; readonly end: number }): string {
  const comma = text.slice(0, start).endsWith(', ') ? 2 : 0;
  const after = comma === 0 && text.slice(end).startsWith(', ') ? 2 : 0;
  return text.slice(0, start - comma) + text.slice(end + after);
}

suite.run();
