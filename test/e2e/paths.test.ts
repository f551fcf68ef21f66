/**
 * Which way packets take through the gateway. A frame that XDP sends on never becomes a packet of the gateway's stack,
 * so that a capture on the gateway does not hear it; what TC sends on is heard.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { type ArticleNetwork, addresses, type NetworkOptions } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { editExample } from '../lab/masqc.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const paths = suite('paths');
const { internet, yoda } = addresses;

/** How many packets of an established connection a capture on a device of the gateway hears, of 10 each way. */
async function countHeard(network: ArticleNetwork, device: string, to: string): Promise<number> {
  const client = network.at('han').start(...node('udp-client', to, '7', '62040'));
  await client.says(/ready/);
  for (let i = 0; i < 3; i += 1) {
    client.write(`first ${i}`);
    await client.says(new RegExp(`first ${i}$`, 'm'));
  }
  const capture = await listen(network.gateway, device, 'udp port 7');
  for (let i = 0; i < 10; i += 1) {
    client.write(`then ${i}`);
    await client.says(new RegExp(`then ${i}$`, 'm'));
  }
  await client.stop();
  return (await capture.end()).length;
}

/** The example, but the inner networks may echo to each other. */
const file = editExample([
  '  allow web, icmp echo-request to servers',
  '  allow web, udp 7, icmp echo-request to servers',
]);

async function withNetwork(options: NetworkOptions, look: (network: ArticleNetwork) => Promise<void>): Promise<void> {
  const network = await openApplied(options, file);
  try {
    await look(network);
  } finally {
    network.close();
  }
}

paths('XDP sends on what is established, where the devices take frames from it', () =>
  withNetwork({ wan: 'ethernet', cables: 'wire' }, async (network) => {
    assert.is(await countHeard(network, 'ppp0', internet), 0, 'to the wan, translated');
    assert.is(await countHeard(network, 'eth1', yoda), 0, 'to the other inner network');
  }),
);

paths('TC sends on where a device has no Ethernet header', () =>
  withNetwork({ wan: 'tun', cables: 'wire' }, async (network) => {
    assert.is(await countHeard(network, 'ppp0', internet), 20);
    assert.is(await countHeard(network, 'eth1', yoda), 0, 'the inner networks are joined by XDP all the same');
  }),
);

paths.run();
