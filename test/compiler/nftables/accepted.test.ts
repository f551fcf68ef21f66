/** `nft` takes every ruleset, and takes one in the place of another; other tables stay as they are. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lab } from '../../lab/lab.ts';
import { needs } from '../../lab/skip.ts';
import { listGateways, makeGateway } from './rulesets.ts';

needs('linux', 'root');

const test = suite('nft');
const lab = new Lab();
await lab.add('gateway');
const gateway = lab.at('gateway');
const gateways = listGateways().filter(({ unsaid }) => unsaid.length === 0);

async function load(text: string, ...options: string[]): Promise<string> {
  const { code, err } = await gateway.run(['nft', ...options, '-f', '-'], { input: text });
  return code === 0 ? '' : err;
}

for (const { name, text } of gateways) {
  test(`finds ${name} right`, async () => {
    assert.is(await load(text, '-c'), '');
  });
}

test('puts one in the place of another, and touches no other table', async () => {
  assert.is(await load('table inet others {\n set x {\n type ipv4_addr\n elements = { 192.0.2.1 }\n }\n}\n'), '');
  const others = await gateway.ask('nft', 'list', 'table', 'inet', 'others');
  for (const { name, text } of gateways) assert.is(await load(text), '', name);
  const [first] = gateways;
  assert.ok(first);
  assert.is(await load(first.text), '');
  const once = await gateway.ask('nft', '-s', 'list', 'table', 'inet', 'masqc');
  assert.is(await load(first.text), '');
  assert.is(await gateway.ask('nft', '-s', 'list', 'table', 'inet', 'masqc'), once);
  assert.is(await gateway.ask('nft', 'list', 'table', 'inet', 'others'), others);
});

test('takes names, labels and paths of every kind', async () => {
  const long = 'a'.repeat(90);
  const text = `gateway ${long} { default deny log "a 'b' \\"c\\" \\\\ $x @y {z} ${'ä'.repeat(90)} %s" }
interface input = drop
interface forward = accept.5
network masquerades = 10.0.0.0/24 on input
policy ${long} from input to forward {
  allow tcp 80 limit 3 flows per source log "$(reboot)"
  deny ${Array.from({ length: 40 }, (_, i) => `udp ${1 + 2 * i}`).join(', ')}
  default reject
}
policy ${long}b from forward to input { default deny }
policy to-gateway from any to self { default allow }
masquerade ip { 
  from masquerades
  interface forward
}
redirect th {
  interface forward
  listen tcp 81 to 10.0.0.9
  allow from any
}
`;
  const path = `/tmp/x ü "quoted" $y ${'p'.repeat(200)}.masq`;
  const { text: ruleset } = makeGateway(path, () => text);
  assert.is(await load(ruleset), '');
  const listed = await gateway.ask('nft', 'list', 'table', 'inet', 'masqc');
  assert.match(listed, 'p.masq:1 ');
});

test.after(() => lab.close());
test.run();
