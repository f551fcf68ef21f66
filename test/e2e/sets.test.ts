/** Sets from files: looked up in a table, edited in place, and never open in between. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { countDrops, editExample, masqc, masqcCommand, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { node, startEchoServer, startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const sets = suite('sets from files');
const network = await ArticleNetwork.open();
const { gateway } = network;
await Promise.all([startWebServer(network.at('internet')), startWebServer(network.at('yoda'))]);

const file = writeGatewayFile(editExample([/set blocked .*/, 'set blocked = file "blocked.txt"']));
const list = join(dirname(file), 'blocked.txt');
const many = Array.from({ length: 20_000 }, (_, i) => `20.${i >> 7}.${(i & 127) * 2}.0/24`);
const block = (...more: string[]) => writeFileSync(list, [...many, ...more].join('\n'));
const reaches = async (from: string, to: string) =>
  (await network.at(from).run(['curl', '-sS', '-m', '1', `http://${to}/`])).code === 0;
const reach = (...pairs: [from: string, to: string][]) => Promise.all(pairs.map(([from, to]) => reaches(from, to)));
const generation = async () => JSON.parse(await mustMasqc(gateway, 'show', 'status', '--json')).generation as number;

sets('keep blocked senders out and blocked receivers in', async () => {
  block(addresses.stranger);
  await mustMasqc(gateway, 'apply', file);
  assert.equal(await reach(['stranger', addresses.wan], ['partner', addresses.wan], ['han', addresses.internet]), [
    false,
    true,
    true,
  ]);
  assert.is((await masqc(gateway, 'plan', file)).code, 0);
});

sets('an edit is planned as what it is, and done under the same program', async () => {
  const before = await generation();
  block(addresses.internet, addresses.partner);
  const { code, out } = await masqc(gateway, 'plan', file);
  assert.is(code, 2);
  assert.match(out, /\+2 −1 prefixes in blocked/);
  assert.not.match(out, 'generation');
  await mustMasqc(gateway, 'apply', file);
  assert.is(await generation(), before);
  assert.equal(await reach(['stranger', addresses.wan], ['partner', addresses.wan], ['han', addresses.internet]), [
    true,
    false,
    false,
  ]);
  assert.is((await masqc(gateway, 'plan', file)).code, 0);
});

sets('an edit reaches live connections: they meet the table with their next packet', async () => {
  block();
  await mustMasqc(gateway, 'apply', file);
  await startEchoServer(network.at('internet'), 7);
  const client = network.at('han').start(...node('tcp-client', addresses.internet, '7'));
  await client.says(/seen as/);
  client.write('before');
  await client.says(/^before$/m);
  block(addresses.partner);
  await mustMasqc(gateway, 'apply', file);
  client.write('other');
  await client.says(/^other$/m);
  block(addresses.internet, addresses.partner);
  assert.match((await masqc(gateway, 'plan', file)).out, 'live connections meet it with their next packet');
  await mustMasqc(gateway, 'apply', file);
  const cut = (await countDrops(gateway))('cut');
  client.write('after');
  await until('it is cut', async () => (await countDrops(gateway))('cut') > cut);
  assert.not.match(client.output, /^after$/m);
  await client.stop('SIGKILL');
});

sets('an edit that was interrupted is mended by the next apply, with a table of its own', async () => {
  block(addresses.stranger);
  const [node, ...args] = masqcCommand;
  const killed = await gateway.run(['env', 'MASQC_FAULT=kill edit', node!, ...args, 'apply', file]);
  assert.is.not(killed.code, 0);
  // Added before anything is deleted: all three are kept out.
  assert.equal(await reach(['stranger', addresses.wan], ['partner', addresses.wan]), [false, false]);
  const { out } = await masqc(gateway, 'plan', file);
  assert.match(out, 'generation');
  await mustMasqc(gateway, 'apply', file);
  assert.equal(await reach(['stranger', addresses.wan], ['partner', addresses.wan]), [false, true]);
});

sets('many changes at once take another generation', async () => {
  const before = await generation();
  writeFileSync(list, `${addresses.stranger}\n`);
  await mustMasqc(gateway, 'apply', file);
  assert.is(await generation(), before + 1);
  assert.equal(await reach(['stranger', addresses.wan], ['han', addresses.internet]), [false, true]);
});

sets('a built folder brings its sets along', async () => {
  const folder = `${file}.built`;
  await mustMasqc(gateway, 'build', file, '-o', folder);
  assert.is((await masqc(gateway, 'plan', folder)).code, 0);
  block(addresses.stranger, addresses.internet);
  await mustMasqc(gateway, 'build', file, '-o', folder);
  await mustMasqc(gateway, 'apply', folder);
  assert.is(await reaches('han', addresses.internet), false);
  writeFileSync(`${folder}/sets.bin`, '');
  assert.match((await masqc(gateway, 'plan', folder)).err, 'does not hold the set blocked');
});

sets('a file with a wrong line changes nothing', async () => {
  block('not an address');
  const { code, err } = await masqc(gateway, 'apply', file);
  assert.is(code, 1);
  assert.match(err, 'MQ222');
  assert.is(await reaches('han', addresses.internet), false);
});

sets.after(() => network.close());
sets.run();
