/** What becomes of connections between inner networks when one of them goes away: their answers have the default route. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const test = suite('lan down');

test('nothing of it leaves by the wan when the lan goes down under a download from the dmz', async () => {
  const network = await openApplied({ wan: 'ethernet' });
  const line = await listen(network.at('isp'), 'line0', 'src net 192.168.0.0/16');
  const url = `http://${addresses.yoda}/bytes/9000000?rate=1000000`;
  network.at('han').start('curl', '-sS', '-m', '8', '-o', '/dev/null', url);
  const before = await listen(network.at('han'), 'eth0', `src host ${addresses.yoda}`);
  await before.hears(/length 1/);
  await network.gateway.ip('link set eth0 down');
  await pause(3000);
  assert.equal(await line.end(), []);
  network.close();
});

test.run();
