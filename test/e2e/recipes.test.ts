/** Files of examples/, applied as they are: what their words promise happens to real programs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listen } from '../lab/capture.ts';
import type { Namespace } from '../lab/namespace.ts';
import { OUTSIDE, type Recipe, RecipeNetwork } from '../lab/recipe.ts';
import { node, startEchoServer, startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

/** The page at an address, or the curl's error; `how`: more of its arguments. */
async function fetch(where: Namespace, to: string, ...how: string[]): Promise<string> {
  const { code, out } = await where.run(['curl', '-s', '-m', '2', ...how, `http://${to}/`]);
  return code === 0 ? out : `curl: ${code}`;
}
const TIMED_OUT = 'curl: 28';
const REFUSED = 'curl: 7';

/** All are made at the same time; the suites run one after the other. */
const networks = new Map<string, Promise<RecipeNetwork>>();

function recipe(of: Recipe, add: (test: ReturnType<typeof suite>, at: (name: string) => Namespace) => void): void {
  networks.set(of.file, RecipeNetwork.open(of));
  const test = suite(of.file);
  let network: RecipeNetwork | null = null;
  test.before(async () => {
    network = (await networks.get(of.file)) ?? null;
  });
  test.after(() => network?.close());
  add(test, (name) => {
    if (network === null) throw new Error('there is no network');
    return network.at(name);
  });
  test.run();
}

const home: Recipe = {
  file: 'examples/home.masq',
  wan: 'ppp0',
  world: ['192.0.2.80', '198.51.100.24', '192.0.2.7'],
  inside: { eth1: { gateway: '192.168.1.1', hosts: { nas: '192.168.1.10', han: '192.168.1.20' } } },
};
recipe(home, (test, at) => {
  test('the home reaches the world under one address, with an MSS that fits the line', async () => {
    await Promise.all([startWebServer(at('world')), startWebServer(at('nas'), 443)]);
    const capture = await listen(at('world'), 'line', 'tcp[tcpflags] == tcp-syn');
    assert.match(await fetch(at('han'), '192.0.2.80'), new RegExp(`^world greets ${OUTSIDE}:`));
    assert.match((await capture.end()).join('\n'), /mss 1452/);
  });
  test('friends reach the pictures, the living room by the same address, nobody else', async () => {
    const from = (address: string) => fetch(at('world'), `${OUTSIDE}:8443`, '--interface', address);
    const [friend, stranger] = await Promise.all([from('198.51.100.24'), from('192.0.2.7')]);
    assert.match(friend, /^nas greets 198\.51\.100\.24:/);
    assert.is(stranger, TIMED_OUT);
    assert.match(await fetch(at('han'), `${OUTSIDE}:8443`), new RegExp(`^nas greets ${OUTSIDE}:`));
  });
  test('mail and shared files stay at home', async () => {
    await startWebServer(at('world'), 25);
    assert.is(await fetch(at('han'), '192.0.2.80:25'), TIMED_OUT);
  });
});

const guests: Recipe = {
  file: 'examples/guests.masq',
  wan: 'eth0',
  world: ['192.0.2.80', '192.0.2.53'],
  inside: {
    eth1: { gateway: '192.168.1.1', hosts: { resolver: '192.168.1.53' } },
    wlan0: { gateway: '10.99.0.1', hosts: { guest: '10.99.0.7' } },
  },
};
recipe(guests, (test, at) => {
  const dns = async (where: Namespace, says: string) => {
    const conf = ['--no-daemon', '--conf-file=/dev/null', '--user=root', '--pid-file=', '--no-resolv', '--no-hosts'];
    const server = where.start('dnsmasq', ...conf, '--log-facility=-', `--address=/who.example.org/${says}`);
    await server.says(/started, version/);
  };
  const ask = async (where: Namespace, server: string, ...how: string[]) =>
    (await where.run(['dig', '+short', '+tries=1', '+time=2', ...how, `@${server}`, 'who.example.org'])).out.trim();

  test("a guest's questions go to the house's resolver, whatever name server it has been told", async () => {
    await Promise.all([dns(at('resolver'), '192.168.1.53'), dns(at('world'), '192.0.2.53')]);
    assert.is(await ask(at('guest'), '192.0.2.53'), '192.168.1.53');
    assert.is(await ask(at('guest'), '192.0.2.53', '+tcp'), '192.168.1.53');
    assert.is(await ask(at('guest'), '10.99.0.1'), '192.168.1.53');
    assert.is(await ask(at('resolver'), '192.0.2.53'), '192.0.2.53', 'the house asks whom it likes');
  });
  test('a guest reaches the world, and neither the house nor the gateway', async () => {
    await startWebServer(at('world'));
    await Promise.all([startWebServer(at('resolver')), startWebServer(at('gateway'), 8080)]);
    assert.match(await fetch(at('guest'), '192.0.2.80'), new RegExp(`^world greets ${OUTSIDE}:`));
    const shut = ['192.168.1.53', '10.99.0.1:8080'].map((to) => fetch(at('guest'), to));
    assert.equal(await Promise.all(shut), [TIMED_OUT, TIMED_OUT]);
    assert.is(await fetch(at('guest'), '192.0.2.80:8081'), REFUSED, 'rejected at once');
  });
});

const games: Recipe = {
  file: 'examples/games.masq',
  wan: 'eth0',
  world: ['192.0.2.1', '192.0.2.90'],
  inside: { eth1: { gateway: '192.168.1.1', hosts: { blue: '192.168.1.50', han: '192.168.1.20' } } },
};
recipe(games, (test, at) => {
  /** A socket of `who` asks the server for its outside address; then another player sends to that. What is heard. */
  const play = async (who: string, port: number) => {
    const socket = at(who).start(...node('udp-client', '192.0.2.1', '3478', String(port)));
    await socket.says(/ready/);
    socket.write('where am I');
    const [, outside = ''] = await socket.says(/^([\d.]+:\d+) where am I$/m);
    const player = `UDP4:${outside},bind=192.0.2.90:40000`;
    await at('world').run(['socat', '-u', '-', player], { input: 'shall we play' });
    return { outside, socket };
  };
  test('what a console has opened, any player may use', async () => {
    await startEchoServer(at('world'), 3478, '192.0.2.1');
    const { outside, socket } = await play('blue', 50000);
    assert.is(outside, `${OUTSIDE}:50000`);
    await socket.says(/shall we play/);
  });
  test('what another host has opened is for whom it called', async () => {
    const { outside, socket } = await play('han', 60000);
    assert.is(outside, `${OUTSIDE}:60000`);
    socket.write('still here');
    await socket.says(/still here/);
    assert.not.match(socket.output, /shall we play/);
  });
  test('a console is found at its port', async () => {
    await startWebServer(at('blue'), 3074);
    assert.match(
      await fetch(at('world'), `${OUTSIDE}:3074`, '--interface', '192.0.2.90'),
      /^blue greets 192\.0\.2\.90:/,
    );
  });
});
