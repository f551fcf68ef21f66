/** The inside can't be reached, and no inside address is seen outside. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const hidden = suite('hidden');
const kinds = ['tun', 'ethernet'] as const;
const { han, leia, internet, wan } = addresses;
const INSIDE = 'src net 192.168.0.0/16';

const networks = await Promise.all(kinds.map((wan) => openApplied({ wan })));

for (const [index, network] of networks.entries()) {
  const kind = kinds[index];
  hidden(`no inside address leaves, whatever becomes of a connection: wan ${kind}`, async () => {
    const line = await listen(network.at('isp'), 'line0', INSIDE);
    const at = (name: string) => network.at(name);
    // Finished, reset, refused, killed with data under way, and answered to from a closed port.
    await at('han').run(['curl', '-sS', '-m', '3', `http://${internet}/`]);
    await at('han').run(['curl', '-sS', '-m', '1', `http://${internet}:81/`]);
    await at('han').run([
      'curl',
      '-sS',
      '-m',
      '0.5',
      '-o',
      '/dev/null',
      `http://${internet}/bytes/9000000?rate=1000000`,
    ]);
    const client = at('luke').start(...node('udp-client', internet, '7'));
    await client.says(/ready/);
    client.write('hello');
    await client.says(/hello/);
    await client.stop('SIGKILL');
    await at('leia').run(['ping', '-c', '1', '-W', '1', internet]);
    // The way of a packet from outside to a redirect, hop by hop: the errors on it quote the packet.
    const quotes = await listen(at('stranger'), 'eth0', 'icmp[0] == 11 or icmp[0] == 3');
    await at('stranger').run(['traceroute', '-n', '-q', '1', '-w', '1', '-m', '5', '-T', '-p', '80', wan]);
    const heard = await quotes.end();
    assert.ok(heard.length > 0, 'the provider answers at least');
    for (const packet of heard) assert.not.match(packet, '192.168.');
    assert.equal(await line.end(), []);
  });

  hidden(`a time exceeded inside quotes the address that the outside sent to: wan ${kind}`, async () => {
    const quotes = await listen(network.at('stranger'), 'eth0', 'icmp[0] == 11');
    // Two hops to the gateway; the third is yoda. A packet that ends at the gateway after its destination was rewritten.
    await network
      .at('stranger')
      .run(['traceroute', '-n', '-q', '1', '-w', '1', '-f', '2', '-m', '2', '-T', '-p', '80', wan]);
    const heard = await quotes.end();
    for (const packet of heard) assert.not.match(packet, '192.168.');
  });

  hidden(`a host is not reached from outside, even with a route to it: wan ${kind}`, async () => {
    await network.routeInnerNetworksFromOutside();
    const outsider = network.at('stranger');
    for (const [name, address] of [
      ['han', han],
      ['leia', leia],
    ] as const) {
      const ear = await listen(network.at(name), 'eth0', `host ${addresses.stranger}`);
      await Promise.all([
        outsider.run(['ping', '-c', '1', '-W', '1', address]),
        outsider.run(['curl', '-sS', '-m', '1', `http://${address}/`]),
        outsider.run(['curl', '-sS', '-m', '1', `http://${address}:22/`]),
        outsider.run(['dig', '+time=1', '+tries=1', `@${address}`, 'x.example']),
        outsider.run(['traceroute', '-n', '-q', '1', '-w', '0.5', '-m', '5', address]),
      ]);
      assert.equal(await ear.end(), [], name);
    }
  });
}

hidden.run();
