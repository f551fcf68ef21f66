/** Files of addresses: what a line may hold, what is said of wrong ones, and what a file makes of a set. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { comparePacked, packTable } from '../../compiler/artifact/prefixes.ts';
import { compile } from '../../compiler/compile.ts';
import { KEY_SIZE } from '../../compiler/ebpf/policy-maps.ts';
import { parseList } from '../../compiler/lists.ts';
import type { Model } from '../../compiler/model.ts';
import { addresses } from './diagram/models.ts';

const lists = suite('files of addresses');
const parse = (text: string) => parseList({ file: 'list.txt', text });

const GATEWAY = `gateway g {
  default deny
  deny from blocked
}
interface wan = eth0
interface lan = eth1
set blocked = file "lists/blocked.txt"
policy in from wan, lan to self {
  allow tcp 22 from lan
  default deny
}
`;
function compileWith(files: Readonly<Record<string, string>>, text = GATEWAY) {
  return compile('/etc/g/main.masq', (path) => {
    const found = { '/etc/g/main.masq': text, ...files }[path];
    return found === undefined ? { problem: 'does not exist' } : { text: found };
  });
}
function tablesOf(files: Readonly<Record<string, string>>, text?: string): Model['tables'] {
  const { model, diagnostics } = compileWith(files, text);
  if (model === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return model.tables;
}

lists('a line is an address, a network or a range of either family; comments and blank lines mean nothing', () => {
  const { set, problems } = parse(
    '\uFEFF# header\r\n10.0.0.0/8\r\n\r\n192.0.2.1 # one\n192.0.2.8-192.0.2.9\n2001:db8::/32\n\t2001:db8:1::-2001:db8:1::f\n::1',
  );
  assert.equal(problems, []);
  assert.equal(set, addresses('10.0.0.0/8', '192.0.2.1', '192.0.2.8-192.0.2.9', '::1', '2001:db8::/32'));
});

lists('what overlaps or touches is merged, whatever its order', () => {
  assert.equal(parse('10.0.0.128/25\n10.0.0.0/25\n10.0.0.5').set, addresses('10.0.0.0/24'));
});

for (const [line, because] of [
  ['300.1.1.1', 'no address'],
  ['10.0.0.1/8', 'behind the prefix'],
  ['10.0.0.0/33', 'prefix length'],
  ['10.0.0.0/08', 'prefix length'],
  ['10.0.0.010', 'no address'],
  ['10.0.0.9-10.0.0.1', 'upside down'],
  ['10.0.0.1-2001:db8::1', 'one family'],
  ['10.0.0.1, 10.0.0.2', 'one of them'],
  ['2001:db8::1/32', 'behind the prefix'],
  ['example.org', 'no address'],
] as const) {
  lists(`refuses ${line}, and says where it stands`, () => {
    const { problems } = parse(`192.0.2.1\n  ${line} # why\n`);
    assert.is(problems.length, 1);
    assert.match(problems[0]!.because, because);
    const { line: at, column, start, end } = problems[0]!.span;
    assert.equal([at, column, end - start], [2, 3, line.length]);
  });
}

lists('a path is meant from the file that names it, and a wrong line is an error there', () => {
  const { diagnostics, model, sources } = compileWith({ '/etc/g/lists/blocked.txt': '192.0.2.1\nnonsense\n' });
  assert.is(model, null);
  const [wrong] = diagnostics.filter(({ code }) => code === 'MQ222');
  assert.equal([wrong?.span.file, wrong?.span.line], ['/etc/g/lists/blocked.txt', 2]);
  assert.ok(sources.some(({ file }) => file === '/etc/g/lists/blocked.txt'));
});

lists('of many wrong lines the first are shown, and the others counted', () => {
  const { diagnostics } = compileWith({ '/etc/g/lists/blocked.txt': 'x\n'.repeat(500) });
  const wrong = diagnostics.filter(({ code }) => code === 'MQ222');
  assert.is(wrong.length, 10);
  assert.match(wrong.at(-1)!.message, '490 more');
});

lists('a missing file is an error, an empty one a warning', () => {
  const missing = compileWith({}).diagnostics.find(({ code }) => code === 'MQ030');
  assert.match(missing!.message, '/etc/g/lists/blocked.txt does not exist');
  const empty = compileWith({ '/etc/g/lists/blocked.txt': '# nothing\n' });
  assert.ok(empty.model);
  assert.is(empty.diagnostics.find(({ code }) => code === 'MQ409')?.severity, 'warning');
});

lists('a set from a file has a table, also by way of another set; a small one in the text has none', () => {
  const files = { '/etc/g/lists/blocked.txt': '192.0.2.1\n' };
  assert.equal(
    tablesOf(files).map(({ name }) => name),
    ['blocked'],
  );
  const indirect = `${GATEWAY}set all = blocked, 198.51.100.0/24 except 198.51.100.7\n`.replace(
    'from blocked',
    'from all',
  );
  const [all] = tablesOf(files, indirect);
  assert.is(all?.name, 'all');
  assert.equal(all?.addresses.v4.length, 3);
  const inline = GATEWAY.replace('deny from blocked', 'deny from file "lists/blocked.txt"').replace(
    /set blocked.*\n/,
    '',
  );
  assert.equal(
    tablesOf(files, inline).map(({ name }) => name),
    ['file "lists/blocked.txt"'],
  );
  assert.equal(tablesOf({}, GATEWAY.replace('file "lists/blocked.txt"', '192.0.2.1')), []);
  const many = Array.from({ length: 300 }, (_, i) => `10.${i >> 7}.${(i & 127) * 2}.0/24`).join(', ');
  assert.is(tablesOf({}, GATEWAY.replace('file "lists/blocked.txt"', many)).length, 1);
});

lists('a line behind one that asks a table is not said to be unreached; one behind everything is', () => {
  const lines = (first: string) =>
    GATEWAY.replace('  allow tcp 22 from lan\n', `  ${first}\n  allow tcp 22 from 192.0.2.1\n`);
  const files = { '/etc/g/lists/blocked.txt': '0.0.0.0/0\n::/0\n' };
  const unreached = (text: string) =>
    compileWith(files, text).diagnostics.filter(({ code }) => code === 'MQ401').length;
  assert.is(unreached(lines('deny tcp 1-65535 from blocked')), 0);
  assert.is(unreached(lines('deny tcp 1-65535 from any except blocked')), 0);
  assert.is(unreached(lines('deny tcp 1-65535 from any')), 1);
  assert.is(unreached(lines('deny tcp 1-65535 from any\n  allow tcp 23 from blocked')), 2);
});

lists('a masquerade looks its sources up in a table, and spells its outside addresses out', () => {
  const masquerade = (lines: string) => `masquerade m {\n  interface wan\n  ports 61000-65095\n  ${lines}\n}\n`;
  const text = Array.from({ length: 5000 }, (_, i) => `10.${i >> 7}.${(i & 127) * 2}.0/24`).join('\n');
  const files = { '/etc/g/lists/blocked.txt': text };
  const hidden = compileWith(files, GATEWAY + masquerade('from blocked'));
  assert.equal(
    hidden.diagnostics.filter(({ severity }) => severity === 'error'),
    [],
  );
  assert.equal(hidden.model?.masquerades[0]?.from.include.tables, [0]);
  const outside = compileWith(files, GATEWAY + masquerade('from 10.0.0.0/8\n  address blocked'));
  assert.match(outside.diagnostics.map(({ message }) => message).join(), /4,?096/);
  const shared = compileWith(files, GATEWAY + masquerade('from blocked\n  share 10 ports per source'));
  assert.equal(
    shared.diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code),
    ['MQ345'],
  );
});

lists('100,000 prefixes are checked in less than 1.5 s', () => {
  const text = Array.from({ length: 100_000 }, (_, i) => `${(i >> 15) + 20}.${(i >> 7) & 255}.${(i & 127) * 2}.0/24`);
  const began = performance.now();
  const [table] = tablesOf({ '/etc/g/lists/blocked.txt': text.join('\n') });
  assert.is(packTable(table!.addresses).length, 100_000 * KEY_SIZE);
  assert.ok(performance.now() - began < 1500, `${performance.now() - began} ms`);
});

lists('ranges become the fewest prefixes', () => {
  const lengths = (...texts: string[]) => {
    const keys = packTable(addresses(...texts));
    const view = new DataView(keys.buffer);
    return Array.from({ length: keys.length / KEY_SIZE }, (_, i) => view.getUint32(i * KEY_SIZE, true) - 32);
  };
  assert.equal(lengths('10.0.0.1-10.0.0.8'), [32, 31, 30, 32]);
  assert.equal(lengths('0.0.0.0/0', '::/0'), [0, 0]);
  assert.equal(lengths('255.255.255.254-255.255.255.255'), [31]);
  assert.equal(lengths('2001:db8::1', '2001:db8::2/127'), [128, 127]);
});

lists('of two contents the difference is what came and what went', () => {
  const [before, after] = [
    packTable(addresses('10.0.0.0/24', '10.2.0.0/16', '::1')),
    packTable(addresses('10.0.0.0/25', '10.2.0.0/16', '2001:db8::/32')),
  ];
  const { added, removed } = comparePacked(before, after);
  assert.equal([added.length / KEY_SIZE, removed.length / KEY_SIZE], [2, 2]);
  const back = comparePacked(after, before);
  assert.equal([...back.added, ...back.removed], [...removed, ...added]);
  assert.is(comparePacked(after, after).added.length, 0);
});

lists.run();
