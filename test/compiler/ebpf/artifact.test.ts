import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatArtifact, type Manifest, makeManifest } from '../../../compiler/artifact/manifest.ts';
import { makeMaps, toCoarse } from '../../../compiler/artifact/maps.ts';
import { makeLayout, makeMasquerade, makeModel } from './fixtures.ts';

const model = makeModel(['allow tcp 22', 'masquerade home-out {', 'masquerade guests {'], {
  masquerades: [makeMasquerade(2, null), makeMasquerade(3, [{ first: 0xcb007101, last: 0xcb0071fe }])],
});
const input = {
  sets: [],
  model,
  sources: [{ file: 'small.masq', text: 'gateway small {\n}\n' }],
  policy: Uint8Array.of(1, 2, 3),
  layout: makeLayout(),
  ipv6: true,
  datapath: [Uint8Array.of(4), Uint8Array.of(5)],
  digest: (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex'),
};
const schemaOf = (name: string) => {
  const path = new URL(`../../../docs/${name}.schema.json`, import.meta.url);
  return new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(JSON.parse(readFileSync(path, 'utf8')));
};

const test = suite('artifacts');

test('a manifest is what its schema says', () => {
  const validate = schemaOf('manifest');
  assert.ok(validate(makeManifest(input)), JSON.stringify(validate.errors));
  assert.not(validate({ ...makeManifest(input), time: 0 }));
  assert.not(validate({ ...makeManifest(input), gateway: undefined }));
});

test('maps are what their schema says', () => {
  const validate = schemaOf('maps');
  assert.ok(validate(makeMaps(model)), JSON.stringify(validate.errors));
  assert.not(validate({ ...makeMaps(model), sizes: { flows4: 2 } }));
});

test('a manifest leads from a rule id to its line', () => {
  const { rules } = makeManifest(input);
  const { tally = 0, ...line } = rules[1] ?? {};
  assert.ok(tally > 0 && tally !== rules[0]?.tally);
  assert.equal(line, {
    id: 2,
    kind: 'policy-rule',
    owner: 'small',
    file: 'small.masq',
    line: 12,
    column: 3,
    text: 'masquerade home-out {',
    meter: 0,
    ports: 0,
    limits: [],
    log: null,
  });
});

test('a manifest names outside addresses and the interfaces that hide', () => {
  const { masquerades, interfaces } = makeManifest(input);
  assert.equal(masquerades[1]?.addresses, [{ first: '203.0.113.1', last: '203.0.113.254' }]);
  assert.equal(masquerades[0]?.addresses, null);
  assert.equal(interfaces, [
    { id: 1, name: 'wan', device: 'eth0.100', hides: true, hides6: false, mss: null, xdp: true },
    { id: 2, name: 'lan', device: 'eth1', hides: false, hides6: false, mss: null, xdp: true },
  ]);
});

test('the same input gives the same bytes, whatever the order of the timeouts', () => {
  const timeouts = Object.fromEntries(Object.entries(model.gateway.timeouts).reverse());
  const gateway = { ...model.gateway, timeouts: timeouts as unknown as typeof model.gateway.timeouts };
  const other = formatArtifact(makeManifest({ ...input, model: { ...model, gateway } }));
  assert.is(other, formatArtifact(makeManifest(input)));
});

test('each hash follows what it is of, and nothing else', () => {
  const before = makeManifest(input).hashes;
  const changed = (part: Partial<typeof input>): string[] => {
    const after = makeManifest({ ...input, ...part }).hashes;
    return Object.keys(after).filter((name) => {
      const key = name as keyof Manifest['hashes'];
      return after[key] !== before[key];
    });
  };
  assert.equal(changed({}), []);
  assert.equal(changed({ policy: Uint8Array.of(1) }), ['policy']);
  assert.equal(changed({ datapath: [Uint8Array.of(4), Uint8Array.of(6)] }), ['datapath']);
  assert.equal(changed({ layout: { ...input.layout, size: 200 } }), ['layout']);
  assert.equal(changed({ sources: [{ file: 'small.masq', text: '' }] }), ['text']);
  assert.equal(changed({ sources: [{ file: 'other.masq', text: 'gateway small {\n}\n' }] }), ['text']);
});

test('timeouts are rounded up to coarse units', () => {
  assert.is(toCoarse(1), 1);
  assert.is(toCoarse(60_000), 895);
  assert.is(makeMaps(model).control.timeouts.tcp, Math.ceil(7_440_000 / 67.108864));
});

test('maps have room for both directions of every flow', () => {
  const family = (of: 4 | 6) => ({
    [`flows${of}`]: 2048,
    [`slots${of}`]: 1024,
    [`mappings${of}`]: 2048,
    [`resting${of}`]: 2048,
    [`dying${of}`]: 1024,
    [`peers${of}`]: 1024,
  });
  const sizes = { ...family(4), ...family(6), translations6: 1024, sources: 64 };
  assert.equal(makeMaps(model).sizes, sizes);
});

test.run();
