/**
 * New connections that one of two files lets in, and only as it says: probes.ts EVERY PROBES, a JSON list of Probe
 *
 * Each is tried every EVERY ms. Prints `ready`; a line that comes in ends it, and it prints as JSON how each Probe went.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** From `from` to `to`:`port`; the server at `answers` must see it with a port of first..last. */
export interface Probe {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly answers: number;
  readonly first: number;
  readonly last: number;
}
/** How often it was tried, went as it must, went otherwise (and how, once), or did not go at all. */
export interface Probed {
  of: number;
  whole: number;
  mixed: number;
  how: string;
}

const PATIENCE_MS = 400;

/** The greeting of the server that was reached (flood/server.ts), null: none. */
function greet({ from, to, port }: Probe): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, localAddress: from });
    const end = (said: string | null) => {
      clearTimeout(timer);
      socket.resetAndDestroy();
      resolve(said);
    };
    const timer = setTimeout(end, PATIENCE_MS, null);
    socket.once('data', (said) => end(`${said}`));
    socket.on('error', () => end(null));
  });
}

const probes = JSON.parse(process.argv[3] ?? '[]') as Probe[];
const results: Probed[] = probes.map(() => ({ of: 0, whole: 0, mixed: 0, how: '' }));

async function probe(one: Probe, result: Probed): Promise<void> {
  result.of += 1;
  const said = await greet(one);
  if (said === null) return;
  const [, sport, answers] = /:(\d+) (\d+)/.exec(said) ?? [];
  if (Number(answers) === one.answers && Number(sport) >= one.first && Number(sport) <= one.last) {
    result.whole += 1;
  } else {
    result.mixed += 1;
    result.how = `${one.from} to port ${one.port}: ${said.trim()}`;
  }
}

const timer = setInterval(() => {
  for (const [i, one] of probes.entries()) void probe(one, results[i] as Probed);
}, Number(process.argv[2]));
console.log('ready');
createInterface(process.stdin).once('line', () => {
  clearInterval(timer);
  setTimeout(() => {
    console.log(JSON.stringify(results));
    process.exit();
  }, PATIENCE_MS + 100);
});
