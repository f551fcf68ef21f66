/** Applying again: what goes on, what changes, and that it is never half done. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { editExample, example, masqc, masqcCommand, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const reload = suite('reload');
const network = await openApplied();
const { gateway } = network;
const { internet, wan } = addresses;

/** As the example, but nobody inside may go to the internet's port 81. */
const other = writeGatewayFile(editExample(['  deny tcp 25 ', '  deny tcp 81\n  deny tcp 25 ']));

/** Whether han is let out to a port where nobody listens: then the server itself refuses. */
async function isLetOut(port: number): Promise<boolean> {
  const { code } = await network.at('han').run(['curl', '-sS', '-m', '1', `http://${internet}:${port}/`]);
  return code === 7;
}

reload('an immediate second plan is empty', async () => {
  assert.is((await masqc(gateway, 'plan', example)).code, 0);
});

reload('a plan for another file says what would change, and changes nothing', async () => {
  const { code, out } = await masqc(gateway, 'plan', other);
  assert.is(code, 2);
  assert.match(out, 'policy');
  assert.is(await isLetOut(81), true);
  assert.is((await masqc(gateway, 'plan', example)).code, 0);
});

reload('a second apply of the same file does nothing', async () => {
  const before = await gateway.ask('bpftool', '-j', 'net');
  await mustMasqc(gateway, 'apply', example);
  assert.is(await gateway.ask('bpftool', '-j', 'net'), before);
});

reload('a new file decides new connections', async () => {
  await mustMasqc(gateway, 'apply', other);
  assert.is(await isLetOut(81), false);
  await mustMasqc(gateway, 'apply', example);
  assert.is(await isLetOut(81), true);
});

reload('a running download and an open connection go on, byte for byte', async () => {
  const client = network.at('luke').start(...node('tcp-client', internet, '7'));
  const seen = (await client.says(/seen as (.*)/))[1];
  const url = `http://${internet}/bytes/10485760?rate=2500000`;
  const script = `curl -sS -m 60 -w '%{stderr}%header{x-sha256}' '${url}' | sha256sum`;
  const download = network.at('han').run(['sh', '-c', script], { limit: 70_000 });
  let running = true;
  void download.finally(() => {
    running = false;
  });
  let applied = 0;
  while (running || applied < 3) {
    await mustMasqc(gateway, 'apply', applied % 2 === 0 ? other : example);
    applied += 1;
    client.write(`after ${applied}`);
    await client.says(new RegExp(`^after ${applied}$`, 'm'));
  }
  const { code, out, err } = await download;
  assert.is(code, 0, err);
  assert.is(out.split(' ')[0], err.trim());
  assert.ok(client.running, 'the open connection lives');
  const status = JSON.parse(await mustMasqc(gateway, 'show', 'connections', '--json').then(firstTo(seen!)));
  assert.is(status.state, 'established');
  await client.stop();
  await mustMasqc(gateway, 'apply', example);
});

/** As the example, but nobody may talk to echo servers outside; what that does to live connections is `word`. */
const closing = (word: string): string =>
  writeGatewayFile(
    editExample(
      ['gateway deathstar {', `gateway deathstar {\n  established ${word}`],
      ['  deny tcp 25 ', '  deny tcp 7\n  deny tcp 25 '],
    ),
  );

/** Whether an echo comes back through a connection that is open. */
async function echoes(client: ReturnType<ReturnType<typeof network.at>['start']>, text: string): Promise<boolean> {
  client.write(text);
  return client.says(new RegExp(`^${text}$`, 'm'), 1500).then(
    () => true,
    () => false,
  );
}

reload(
  'a connection that the new file denies is cut by its next packet, with `keep` not before `recheck`',
  async () => {
    const client = network.at('luke').start(...node('tcp-client', internet, '7'));
    await client.says(/seen as (.*)/);
    const { code, out } = await masqc(gateway, 'plan', closing('keep'));
    assert.is(code, 2);
    assert.match(out, 'new connections meet it, live ones go on');
    await mustMasqc(gateway, 'apply', closing('keep'));
    assert.is(await echoes(client, 'kept'), true);
    await mustMasqc(gateway, 'apply', example);
    assert.is(await echoes(client, 'allowed again'), true);
    await mustMasqc(gateway, 'apply', closing('recheck'));
    assert.is(await echoes(client, 'denied'), false);
    assert.match(await mustMasqc(gateway, 'show', 'drops'), /\bcut\b/);
    await client.stop();
    await mustMasqc(gateway, 'apply', example);
  },
);

reload('`established flush` ends every connection, and lets new ones begin', async () => {
  const client = network.at('luke').start(...node('tcp-client', internet, '7'));
  await client.says(/seen as (.*)/);
  const flushing = writeGatewayFile(
    editExample(
      ['gateway deathstar {', 'gateway deathstar {\n  established flush'],
      ['  deny tcp 25 ', '  deny tcp 81\n  deny tcp 25 '],
    ),
  );
  await mustMasqc(gateway, 'apply', flushing);
  assert.is(await echoes(client, 'flushed'), false);
  await client.stop();
  const again = network.at('luke').start(...node('tcp-client', internet, '7'));
  await again.says(/seen as (.*)/);
  await again.stop();
  await mustMasqc(gateway, 'apply', example);
});

/** The line of the listing whose masqueraded end is this one. */
function firstTo(seen: string): (listing: string) => string {
  const port = Number(seen.split(':')[1]);
  return (listing) => listing.split('\n').find((line) => line.includes(`"port":${port}`)) ?? '{}';
}

reload('two at once: the second waits, and one whole file runs', async () => {
  const both = await Promise.all([masqc(gateway, 'apply', other), masqc(gateway, 'apply', example)]);
  for (const { code, err } of both) assert.is(code, 0, err);
  const plans = await Promise.all([masqc(gateway, 'plan', other), masqc(gateway, 'plan', example)]);
  assert.equal(plans.map(({ code }) => code).sort(), [0, 2]);
  assert.is(await isLetOut(81), plans[1]?.code === 0);
});

reload('two at once: who does not want to wait is told who is at work', async () => {
  await masqc(gateway, 'apply', example); // so that there is something to do
  const first = gateway.start(...masqcCommand, 'apply', other);
  const tries = [];
  while (first.running) tries.push(await masqc(gateway, 'apply', '--wait', '0', example));
  const refused = tries.filter(({ code }) => code === 3);
  assert.is(await first.end(), 0, first.output);
  assert.ok(refused.length > 0, `nobody was refused: ${tries.map(({ code }) => code)}`);
  for (const { err } of refused) assert.match(err, String(first.pid));
  await mustMasqc(gateway, 'apply', example);
});

reload('a file with errors changes nothing', async () => {
  const wrong = writeGatewayFile(editExample(['  deny tcp 25 ', '  deny tcp 81\n  deny tpc 25 ']));
  const { code, err, out } = await masqc(gateway, 'apply', wrong);
  assert.is(code, 1);
  assert.match(out + err, 'deny tpc 25');
  assert.is((await masqc(gateway, 'plan', example)).code, 0);
  const page = await network.at('stranger').ask('curl', '-sS', '-m', '2', `http://${wan}/`);
  assert.match(page, 'yoda greets');
});

reload.after(() => network.close());
reload.run();
