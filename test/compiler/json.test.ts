import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { readElf } from '../../compiler/ebpf/elf-read.ts';
import { emitPolicy } from '../../compiler/ebpf/emit.ts';
import { exportDocuments } from '../../compiler/export.ts';
import { load, type ReadSource } from '../../compiler/load.ts';
import type { Model } from '../../compiler/model.ts';
import { readJson } from '../../grammar/json/read.ts';
import { parse } from '../../grammar/parse.ts';
import { makeLayout } from './ebpf/fixtures.ts';

const suite = makeSuite('gateway files in JSON');
const root = new URL('../../', import.meta.url);
const textAt = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const isShaped = new Ajv2020().compile(JSON.parse(textAt('docs/gateway.schema.json')));
const EXAMPLES = readdirSync(new URL('examples/', root)).filter((name) => name.endsWith('.masq'));

/** Without what differs by the way of writing: places, and texts that quote the file. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, one) => {
      if (
        ['span', 'actionSpan', 'outcomeSpan', 'allowSpan', 'shareSpan', 'end', 'text'].includes(key) &&
        typeof one !== 'string'
      )
        return undefined;
      return typeof one === 'bigint' ? `${one}n` : one;
    }),
  );

const readExample: ReadSource = (path) => ({ text: textAt(path) });
function exportFile(path: string, read: ReadSource = readExample): string {
  const { documents, sources } = load(path, read);
  return exportDocuments(documents, sources);
}
const instead =
  (json: string, name: string): ReadSource =>
  (path) =>
    path === name ? { text: json } : readExample(path);

suite('each example means the same', () => {
  assert.ok(EXAMPLES.length > 8);
  for (const name of EXAMPLES) {
    const path = `examples/${name}`;
    const text = compile(path, readExample);
    const json = exportFile(path);
    const read = compile('examples/x.json', instead(json, 'examples/x.json'));
    assert.ok(isShaped(JSON.parse(json)), `${name}: ${JSON.stringify(isShaped.errors?.[0])}`);
    assert.ok(text.model !== null && read.model !== null, JSON.stringify(read.diagnostics[0]));
    const unquoted = (model: Model) => ({ ...model, rules: model.rules.map((one) => ({ ...one, text: '' })) });
    assert.equal(plain(unquoted(read.model)), plain(unquoted(text.model)), name);
    assert.is(read.diagnostics.length, text.diagnostics.length, name);
    const objects = [text, read].map(({ model, diagram, sources }) => {
      assert.ok(model !== null && diagram !== null);
      const elf = readElf(emitPolicy(model, diagram, makeLayout(), sources));
      const kept = elf.sections.filter((one) => !/^\.(rel)?\.?(BTF|strtab|symtab)/.test(one.name));
      return kept.map((one) => [one.name, Buffer.from(one.bytes).toString('hex')]);
    });
    assert.ok(
      objects[0]?.some(([section, bytes]) => section === '.text' && (bytes?.length ?? 0) > 100),
      JSON.stringify(objects[0]?.map(([section]) => section)),
    );
    assert.equal(objects[1], objects[0], `${name}: the same program`);
    assert.is(exportFile('examples/x.json', instead(json, 'examples/x.json')), json, name);
  }
});

suite('every sentence of the language goes out and in', () => {
  const text = textAt('test/grammar/fixtures/every-sentence.masq');
  const source = { file: 'a.masq', text };
  const { declarations } = parse(source);
  const json = exportDocuments([parse(source)], [source]);
  assert.ok(isShaped(JSON.parse(json)), JSON.stringify(isShaped.errors?.[0]));
  const read = readJson({ file: 'a.json', text: json });
  assert.equal(read.diagnostics, []);
  assert.equal(plain(read.declarations), plain(declarations.filter(({ kind }) => kind !== 'include')));
});

// ---- generated ----------------------------------------------------------------------------------------------------

const name = fc.constantFrom('a', 'han', 'x-1', 'home_2');
const address = fc.oneof(
  name,
  fc.constantFrom('any', 'self', '10.0.0.0/8', '192.0.2.1-192.0.2.9', '2001:db8::/32', '::1'),
  fc.record({ file: fc.constantFrom('a.txt', 'b "c".txt', 'd\\e') }),
);
const listOf = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 3 });
const excepted = <T>(item: fc.Arbitrary<T>) =>
  fc.oneof(listOf(item), fc.record({ of: listOf(item), except: listOf(item) }));
const what = listOf(fc.constantFrom('tcp 80', 'udp 1-9', 'icmp', 'icmp echo-request', 'gre', 'esp', 'web'));
const log = fc.oneof(
  fc.constant(true),
  fc.record(
    { label: fc.constantFrom('x', 'say "y"', '{#}'), rate: fc.constantFrom('5/second', '1/day') },
    { requiredKeys: ['rate'] },
  ),
);
const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }, ...needed: (keyof T)[]) =>
  fc.record(model, { requiredKeys: needed });
const rule = some(
  {
    action: fc.constantFrom('allow', 'deny', 'reject'),
    what,
    from: excepted(address),
    to: excepted(address),
    limit: fc.constantFrom('5/minute', '10/second burst 4 per source', '7 flows', '7 flows per source'),
    log,
  },
  'action',
);
const byDefault = fc.oneof(fc.constantFrom('deny', 'reject'), fc.record({ action: fc.constant('deny'), log }));
const place = fc.oneof(name, fc.constantFrom('any', 'self'));
const declaration = fc.oneof(
  fc.record({
    policy: fc.record({
      name,
      from: fc.oneof(listOf(place), fc.record({ of: listOf(place), except: listOf(name) })),
      to: listOf(place),
      rules: fc.array(rule, { maxLength: 4 }),
      default: byDefault,
    }),
  }),
  fc.record({ set: fc.record({ name, addresses: excepted(address) }) }),
  fc.record({ service: fc.record({ name, what }) }),
  fc.record({ zone: fc.record({ name, members: listOf(name) }) }),
  fc.record({
    interface: some(
      {
        name,
        device: fc.constantFrom('eth0', 'br-lan.5'),
        mss: fc.constantFrom('clamp', 1400),
        xdp: fc.constant(false),
      },
      'name',
      'device',
    ),
  }),
  fc.record({
    gateway: some(
      {
        name,
        datapath: fc.constant('auto'),
        default: byDefault,
        flows: fc.nat(),
        timeout: fc.constant({ tcp: '2h4m', 'tcp-fin': '90s' }),
        account: excepted(address),
        rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
      },
      'name',
    ),
  }),
  fc.record({
    redirect: some(
      {
        name,
        interface: listOf(name),
        listen: listOf(fc.record({ what, to: listOf(fc.constantFrom('han:80', 'han', '[::1]:8', 'a weight 3')) })),
        allowFrom: excepted(address),
        limit: listOf(fc.constantFrom('7 flows')),
        log,
      },
      'name',
    ),
  }),
);
const generated = fc.array(declaration, { maxLength: 6 }).map((declarations) => ({ masqc: 1, declarations }));

suite('what goes in comes out again', () => {
  fc.assert(
    fc.property(generated, fc.constantFrom(0, 2), (value, indent) => {
      assert.ok(isShaped(value), JSON.stringify(isShaped.errors?.[0]));
      const source = { file: 'a.json', text: JSON.stringify(value, null, indent) };
      const document = readJson(source);
      assert.equal(document.diagnostics, [], source.text);
      const json = exportDocuments([document], [source]);
      // The exporter groups a gateway's rules and lists: equal up to the order of members.
      assert.equal(JSON.parse(json), JSON.parse(JSON.stringify(value)), source.text);
    }),
    { numRuns: 200, seed: 3 },
  );
});

suite('the schema and the reader agree on what has the shape; whatever is wrong has a place', () => {
  let refused = 0;
  const junk = fc.constantFrom<unknown>(
    null,
    7,
    -1,
    1.5,
    '',
    'a b',
    'a\nb',
    'a { b',
    'x # y',
    '#x',
    'a;b',
    "it's",
    'a\\b',
    ' a',
    'a, b',
    '"',
    true,
    false,
    [],
    {},
    ['a'],
    [[]],
    { of: ['a'] },
    { a: 1 },
  );
  fc.assert(
    fc.property(
      generated.filter(({ declarations }) => declarations.length > 0),
      junk,
      fc.nat(),
      fc.boolean(),
      (value, other, at, adds) => {
        const copy = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
        const places = listPlaces(copy);
        const [holder, key] = places[at % places.length]!;
        if (adds && !Array.isArray(holder))
          (holder as Record<string, unknown>)[typeof other === 'string' ? other : 'xdp'] = other;
        else (holder as Record<string, unknown>)[key] = other;
        const source = { file: 'a.json', text: JSON.stringify(copy, null, 1) };
        const { diagnostics } = readJson(source);
        const shaped = !diagnostics.some(({ code }) => code === 'MQ024');
        assert.is(
          shaped,
          isShaped(copy),
          `${source.text}\n${JSON.stringify(isShaped.errors)}\n${JSON.stringify(diagnostics[0])}`,
        );
        if (!shaped) refused++;
        for (const { span, path } of diagnostics) {
          const line = source.text.split('\n')[span.line - 1] ?? '';
          assert.ok(
            span.end - span.start <= line.length - span.column + 1 && span.end >= span.start,
            JSON.stringify(span),
          );
          assert.is(
            source.text
              .split('\n')
              .slice(0, span.line - 1)
              .join('\n').length +
              (span.line > 1 ? 1 : 0) +
              span.column -
              1,
            span.start,
          );
          assert.ok(path !== undefined && path !== '');
        }
      },
    ),
    { numRuns: 500, seed: 5 },
  );
  assert.ok(refused > 200, `${refused}`);
});

function listPlaces(value: unknown): (readonly [object, string])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => [[value, key] as const, ...listPlaces(one)]);
}

suite('any text at all is read without a throw', () => {
  const json = exportFile('examples/deathstar.masq');
  fc.assert(
    fc.property(
      fc.nat(json.length - 1),
      fc.nat(9),
      fc.constantFrom('', '"', '{', ']', ',', '\\', '\n', '0', 'é'),
      (at, length, text) => {
        const broken = json.slice(0, at) + text + json.slice(at + length);
        for (const { span, code } of readJson({ file: 'a.json', text: broken }).diagnostics) {
          assert.ok(span.start <= broken.length && span.line >= 1, code);
        }
      },
    ),
    { numRuns: 300, seed: 6 },
  );
  assert.is(readJson({ file: 'a.json', text: '['.repeat(100_000) }).diagnostics[0]?.code, 'MQ023');
});

suite('mistakes name the line and the value', () => {
  const json =
    '{ "masqc": 1, "declarations": [\n{ "gateway": { "name": "g", "default": "deny" } },\n{ "interface": { "name": "lan", "device": "eth0" } },\n{ "policy": { "name": "p", "from": ["lan"], "to": ["self"],\n  "rules": [\n    { "action": "allow", "what": ["tcp 22"], "from": ["lan", "nobody"] }\n  ], "default": "deny" } } ] }\n';
  const [found, ...more] = compile('a.json', () => ({ text: json })).diagnostics;
  assert.equal(more, []);
  assert.ok(found !== undefined);
  assert.is(found.code, 'MQ202');
  assert.is(found.path, 'declarations[2].policy.rules[0].from[1]');
  assert.is(found.span.line, 6);
  assert.is(json.slice(found.span.start, found.span.end), 'nobody');
  const rules = compile('a.json', () => ({ text: json.replace(', "nobody"', '') })).model?.rules;
  assert.equal(rules?.find(({ kind }) => kind === 'policy-rule')?.text, 'allow tcp 22 from lan');
});

suite('files of both kinds include each other; paths of address files stay right', () => {
  const files: Readonly<Record<string, string>> = {
    'a/gateway.masq': 'include "sub/more.json"\ngateway g {\n  default deny\n  deny from file "x.txt"\n}\n',
    'a/sub/more.json': '{ "masqc": 1, "declarations": [{ "include": "last.masq" }] }',
    'a/sub/last.masq': 'set s = file "y.txt", file "../z.txt"\n',
  };
  const json = exportFile('a/gateway.masq', (path) => ({ text: files[path] ?? '' }));
  assert.equal(
    [...json.matchAll(/"file": "(.*?)"/g)].map((match) => match[1]),
    ['x.txt', 'sub/y.txt', 'z.txt'],
  );
  assert.not.match(json, /include/);
});

suite.run();
