/** What the demo shows, one row a step. */
import { type ArticleNetwork, addresses } from '../article-network.ts';
import { masqcCommand } from '../masqc.ts';
import type { Ended } from '../namespace.ts';
import type { Program } from '../program.ts';
import { node } from '../servers.ts';
import type { Step } from './stage.ts';

const FILE = 'examples/deathstar.masq';
const { internet, nameserver, wan, han, partner, stranger, blocked } = addresses;

const curl = (...args: string[]) => ['curl', '-sS', '-m', '5', ...args];
const verb = (...args: string[]) => [...masqcCommand, ...args];

/** The sentence when the program ended well and printed what it should. */
function expectPrinted(pattern: RegExp | string, sentence: string): Step['shows'] {
  return ({ code, out }: Ended) => {
    const found = typeof pattern === 'string' ? out.includes(pattern) : pattern.test(out);
    return code === 0 && found ? sentence : null;
  };
}

/** The file is checked, its own expectations are run, and it is applied. */
export function listApplySteps(network: ArticleNetwork): Step[] {
  const where = network.gateway;
  return [
    {
      title: 'The gateway file is checked; that needs neither root nor a kernel',
      where,
      typed: `masqc check ${FILE}`,
      argv: verb('check', FILE),
      shows: ({ code }) => (code === 0 ? 'no errors' : null),
    },
    {
      title: 'It says itself what it is meant to do, and that is tested before any packet is',
      where,
      typed: `masqc test ${FILE}`,
      argv: verb('test', FILE),
      shows: ({ code }) => (code === 0 ? 'every expectation holds' : null),
    },
    {
      title: 'It is applied: compiled to eBPF, loaded, attached',
      where,
      typed: `masqc apply ${FILE}`,
      argv: verb('apply', FILE),
      limit: 60_000,
      shows: ({ code, milliseconds }) => (code === 0 ? `it took ${(milliseconds / 1000).toFixed(1)} s` : null),
    },
    {
      title: 'A second look finds nothing to do, and no process of masqc is running',
      where,
      typed: `masqc plan ${FILE}`,
      argv: verb('plan', FILE),
      shows: async ({ code }) => {
        const pids = await where.run(['ip', 'netns', 'pids', where.id]);
        const alive = pids.out.split('\n').filter((pid) => pid !== '').length;
        // The question itself is asked from inside: `ip`.
        return code === 0 && alive <= 1 ? 'the kernel works alone from here' : null;
      },
    },
  ];
}

/** From the inside out. */
export function listOutwardSteps(network: ArticleNetwork): Step[] {
  return [
    {
      title: 'han fetches a page from the internet; the server sees the gateway',
      where: network.at('han'),
      typed: `curl http://${internet}/`,
      argv: curl(`http://${internet}/`),
      shows: ({ out }) => {
        const seen = new RegExp(`greets ${wan.replaceAll('.', '\\.')}:(\\d+)`).exec(out);
        const port = Number(seen?.[1]);
        return port >= 61000 && port <= 65095 ? `han appears as ${wan}, port ${port} of the pool 61000-65095` : null;
      },
    },
    {
      title: 'luke asks a name server',
      where: network.at('luke'),
      typed: `dig +short @${nameserver} www.example.org`,
      argv: ['dig', '+short', '+time=3', '+tries=1', `@${nameserver}`, 'www.example.org'],
      shows: expectPrinted(internet, 'UDP is translated, too'),
    },
    {
      title: 'leia pings a partner',
      where: network.at('leia'),
      typed: `ping -c 3 -i 0.2 ${partner}`,
      argv: ['ping', '-c', '3', '-i', '0.2', '-W', '2', partner],
      shows: expectPrinted(' 3 received', 'and so is ICMP, by its identifier'),
    },
    {
      title: 'han traces the way',
      where: network.at('han'),
      typed: `traceroute -n -q 1 ${internet}`,
      argv: ['traceroute', '-n', '-q', '1', '-w', '2', '-m', '6', internet],
      limit: 20_000,
      shows: ({ code, out }) =>
        code === 0 && /1 {2}192\.168\.1\.1 [\s\S]*2 {2}203\.0\.113\.1 [\s\S]*3 {2}192\.0\.2\.80 /.test(out)
          ? 'the gateway, the provider, the server: errors from on the way find back to han'
          : null,
    },
    {
      title: 'han opens a page of yoda, next door',
      where: network.at('han'),
      typed: `curl http://${addresses.yoda}/`,
      argv: curl(`http://${addresses.yoda}/`),
      shows: expectPrinted(`yoda greets ${han}:`, 'between the inner networks nothing is translated: no confusion'),
    },
  ];
}

/** From the outside in: what is offered, and only that. */
export function listInwardSteps(network: ArticleNetwork): Step[] {
  const outsider = network.at('stranger');
  return [
    {
      title: "A stranger opens the gateway's web page; a redirect brings it to yoda",
      where: outsider,
      typed: `curl http://${wan}/`,
      argv: curl(`http://${wan}/`),
      shows: expectPrinted(`yoda greets ${stranger}:`, 'yoda answers, and sees who asks'),
    },
    {
      title: 'han opens the same address from the inside',
      where: network.at('han'),
      typed: `curl http://${wan}/`,
      argv: curl(`http://${wan}/`),
      shows: expectPrinted('yoda greets ', 'one address for everyone'),
    },
    {
      title: "A partner opens an X11 connection to han's display, as in 1997: port 6001 goes to han:6000",
      where: network.at('partner'),
      typed: `node test/lab/programs/x-display.ts ask ${wan} 6001`,
      argv: node('x-display', 'ask', wan, '6001'),
      shows: expectPrinted(`the display of han sees you, ${partner}`, 'the display answers'),
    },
    {
      title: 'A stranger may not',
      where: outsider,
      typed: `node test/lab/programs/x-display.ts ask ${wan} 6001`,
      argv: node('x-display', 'ask', wan, '6001'),
      shows: ({ code, out }) => (code !== 0 && !out.includes('sees you') ? 'no answer' : null),
    },
    {
      title: 'An address that the gateway blocks gets nothing, not even the web page',
      where: outsider,
      typed: `curl --interface ${blocked} http://${wan}/`,
      argv: [...curl('--interface', blocked, `http://${wan}/`), '-m', '2'],
      shows: ({ code, out }) => (code === 28 && out === '' ? 'no answer' : null),
    },
  ];
}

/** The attempt on a hidden host. `ear` is a capture on han. */
export function makeHiddenHostStep(network: ArticleNetwork, ear: Program): Step {
  return {
    title: 'A stranger tries han itself; the provider even has a route to the inner network now',
    where: network.at('stranger'),
    typed: `curl http://${han}/`,
    argv: [...curl(`http://${han}/`), '-m', '2'],
    shows: async ({ code, out }) => {
      await ear.stop('SIGINT');
      return code === 28 && out === '' && /^0 packets captured/m.test(ear.output)
        ? 'han, who runs a web server, has not heard a single packet of it'
        : null;
    },
  };
}

/** What masqc has to say of all this. */
export function listShowSteps(network: ArticleNetwork): Step[] {
  const where = network.gateway;
  const show = (what: string, title: string, shows: Step['shows']): Step => ({
    title,
    where,
    typed: `masqc show ${what}`,
    argv: verb('show', what),
    shows,
  });
  return [
    show(
      'connections',
      'The connections, as ipfwadm -M -l listed them',
      expectPrinted(`${han}`, 'who, where, as what'),
    ),
    show('drops', 'What was dropped, and why', ({ code, out }) =>
      code === 0 && out !== '' ? 'every drop has a name' : null,
    ),
    show('status', 'The state of the gateway', ({ code, out }) =>
      code === 0 && !out.includes('warning:') ? 'all is well' : null,
    ),
    {
      title: 'And it is taken down',
      where,
      typed: 'masqc down',
      argv: verb('down'),
      shows: ({ code }) => (code === 0 ? 'as if masqc had never been here' : null),
    },
  ];
}
