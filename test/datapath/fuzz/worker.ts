/**
 * Runs inside the gateway of world.ts: argv[2] is JSON {pin, policy, seed, packets, seconds}. Prints progress, each
 * finding with all that repeats it, and a last line `result {…}`.
 */
import { ifindexOf } from '../../../native/lib/libbpf.ts';
import { ETHERNET, HIDES, loadDatapath, XDP as TRANSMITS } from '../datapath.ts';
import { ETH, etherType, readFrame } from './bytes.ts';
import { FlowTable, keyOf } from './flows.ts';
import { Generator, type Sent } from './generate.ts';
import { isBroken, Judge, type Outcome, TC, XDP } from './judge.ts';
import { Random } from './random.ts';
import { checkTable, endAll, readDropCounts } from './state.ts';
import { DEVICES, type Device, MAC, OWN, PROBE } from './world.ts';

const { pin, policy, seed, packets, seconds } = JSON.parse(process.argv[2] ?? '') as {
  pin: string;
  policy: string;
  seed: number;
  packets: number;
  /** At most, without the load; 0: no limit. */
  seconds: number;
};
const FLOWS = 512; // few, so that the table is full now and then
const ROUND = 40_000;
const CHECK_EVERY = 256;
/** Of one kind, that are printed. */
const MOST_ALIKE = 2;

const indexes = Object.fromEntries(DEVICES.map((device) => [device, ifindexOf(device)])) as Record<Device, number>;
const { hit } = await loadDatapath({
  pin,
  stub: policy,
  interfaces: (['wan0', 'eth0', 'eth1'] as const).map((device, i) => ({
    device,
    id: i + 1,
    flags: ETHERNET | TRANSMITS | (device === 'wan0' ? HIDES : 0),
    mtu: 1500,
    mac: MAC[device],
    probe: PROBE[device],
    addresses: [OWN[device]],
    pool: device === 'wan0' ? [2000, 2200] : [0, 0],
  })),
  policy: {},
  flows: FLOWS,
  timeouts: { tcp: 7440, tcpSyn: 7440, tcpFin: 7440, udp: 7440, icmp: 7440, other: 7440 },
  sweep: true,
  probeEvery: 0,
});
const table = new FlowTable(hit.map('flows4'), hit.btf());
const random = new Random(seed);
const generator = new Generator(random, new Map(DEVICES.map((device) => [indexes[device], device])));
const judge = new Judge(table, indexes);

let done = 0;
let findings = 0;
/** Disagreements of the hooks that were gone at the second look. */
let transient = 0;
const kinds = new Map<string, number>();
let expectedDrops = 0;
const verdicts: Record<string, number> = {};

async function run(
  hook: 'xdp_ingress' | 'tc_ingress' | 'tc_egress',
  { device, frame }: Sent,
  from = 0,
): Promise<Outcome> {
  const context =
    hook === 'xdp_ingress'
      ? { ingressIfindex: indexes[device], rxQueueIndex: 0 }
      : { ifindex: indexes[device], ingressIfindex: from };
  const piece = hook !== 'xdp_ingress' && (readFrame(frame)?.fragment ?? false);
  const before = piece ? await countPieceDrops() : 0;
  const { retval, data } = await hit.program(hook).testRun({ data: frame, context, dataOutSize: 4096 });
  const outcome = { verdict: retval | 0, frame: data };
  if (piece)
    expectedDrops += (await countPieceDrops()) - before; // it may wait, come in again, and take others with it
  else if (hook !== 'xdp_ingress' ? outcome.verdict === TC.drop : outcome.verdict === XDP.drop) expectedDrops += 1;
  if (!piece && hook !== 'xdp_ingress' && isReject({ device, frame }, outcome)) expectedDrops += 1;
  verdicts[`${hook} ${outcome.verdict}`] = (verdicts[`${hook} ${outcome.verdict}`] ?? 0) + 1;
  done += 1;
  return outcome;
}
const isReject = ({ frame }: Sent, { verdict, frame: out }: Outcome): boolean =>
  verdict === TC.redirect && Buffer.compare(out.subarray(0, 6), frame.subarray(6, 12)) === 0;

function find(what: string, sent?: Sent, outcomes: Record<string, Outcome> = {}): void {
  findings += 1;
  const kind = what.replaceAll(/\d+/g, 'N');
  const alike = (kinds.get(kind) ?? 0) + 1;
  kinds.set(kind, alike);
  if (alike > MOST_ALIKE) return;
  console.log(`FINDING ${what} (seed ${seed}, before packet ${done})`);
  if (sent !== undefined) console.log(`  in  ${sent.device} ${Buffer.from(sent.frame).toString('hex')}`);
  for (const [hook, { verdict, frame }] of Object.entries(outcomes)) {
    console.log(`  ${hook} ${verdict} ${Buffer.from(frame).toString('hex')}`);
  }
}

function finish(): never {
  const rate = Math.round((done / (performance.now() - start)) * 1000);
  for (const [kind, count] of kinds) console.log(`${count} × ${kind}`);
  console.log(
    `result ${JSON.stringify({ seed, packets: done, perSecond: rate, findings, transient, verdicts, drops })}`,
  );
  process.exit(findings > 0 ? 1 : 0);
}

/** The kernel makes no skb of less than the header of what it says it is. */
const makesSkb = (frame: Uint8Array): boolean =>
  frame.length >= ETH + (({ 2048: 20, 34525: 40 } as Record<number, number>)[etherType(frame)] ?? 1);

/** Both hooks on one packet, in either order: the second must agree with the first. */
async function arrive(sent: Sent): Promise<void> {
  if (!makesSkb(sent.frame)) {
    const outcome = await run('xdp_ingress', sent);
    const wrong = judge.xdp(sent, outcome);
    if (wrong !== null) find(wrong, sent, { xdp: outcome });
    return;
  }
  const f = readFrame(sent.frame);
  // of a packet with two faults either may be counted
  const counted = random.chance(0.1) && f !== null && !f.fragment && isBroken(f) === null;
  const before = counted ? await readDropCounts(hit) : [];
  const owed = judge.isOwed(sent);
  const xdpFirst = random.chance(0.5);
  const first = xdpFirst ? await run('xdp_ingress', sent) : await run('tc_ingress', sent);
  const wrong = xdpFirst ? judge.xdp(sent, first) : judge.ingress(sent, first);
  if (wrong !== null) find(wrong, sent, { [xdpFirst ? 'xdp' : 'tc']: first });
  const between = counted ? await readDropCounts(hit) : [];
  const second = xdpFirst ? await run('tc_ingress', sent) : await run('xdp_ingress', sent);
  const wrongToo = xdpFirst ? judge.ingress(sent, second) : judge.xdp(sent, second);
  if (wrongToo !== null) find(wrongToo, sent, { [xdpFirst ? 'tc' : 'xdp']: second });
  const [xdp, tc] = xdpFirst ? [first, second] : [second, first];
  const due = owed === 'forwarded' ? TC.redirect : TC.pass;
  if (owed !== null && tc.verdict !== due) find(`a good packet of a live flow is not ${owed}`, sent, { tc });
  if (owed === 'forwarded' && xdp.verdict === XDP.drop) find('a good packet of a live flow is dropped by XDP', sent);
  const odds = disagree(sent, xdp, tc);
  if (odds !== null) {
    // The sweep may have freed a slot of a full table in between: then they agree when asked again.
    const again = disagree(sent, await run('xdp_ingress', sent), await run('tc_ingress', sent));
    if (again === null) transient += 1;
    else find(odds, sent, { xdp, tc });
  } else if (counted && xdp.verdict === XDP.drop) {
    const after = await readDropCounts(hit);
    const [one, two] = [reasonOf(before, between), reasonOf(between, after)];
    if (one !== two) find(`XDP and TC count different reasons: ${one} and ${two}`, sent, { xdp, tc });
  }
  remember(sent);
}

function disagree(sent: Sent, xdp: Outcome, tc: Outcome): string | null {
  if (xdp.verdict === XDP.drop) return tc.verdict === TC.drop ? null : 'XDP drops what TC does not';
  if (xdp.verdict !== XDP.redirect) return null;
  if (tc.verdict !== TC.redirect || isReject(sent, tc)) return 'XDP forwards what TC does not';
  return Buffer.compare(xdp.frame, tc.frame) === 0 ? null : 'XDP and TC forward different packets';
}

function reasonOf(before: readonly number[], after: readonly number[]): string {
  const changed = after.flatMap((count, reason) =>
    count === (before[reason] ?? 0) || waiting.has(reason) ? [] : [`${reason}+${count - (before[reason] ?? 0)}`],
  );
  return changed.join(' ');
}

function remember(sent: Sent): void {
  const f = readFrame(sent.frame);
  if (f === null || !random.chance(0.2)) return;
  const key = keyOf(f);
  const entry = table.get(key);
  if (entry !== null && !entry.dying) generator.learn({ key, entry });
}

async function leave(sent: Sent): Promise<void> {
  if (!makesSkb(sent.frame)) return;
  const from = random.chance(0.5) ? 0 : random.pick([...DEVICES.map((device) => indexes[device]), 1]);
  const outcome = await run('tc_egress', sent, from);
  const wrong = judge.egress(sent, from, outcome);
  if (wrong !== null) find(`${wrong} (from ${from})`, sent, { egress: outcome });
  remember(sent);
}

/** The same packets on both processors at once: flows are made twice, ports are claimed by two. */
async function race(): Promise<void> {
  const sent = [generator.arriving(), generator.arriving()].filter(({ frame }) => makesSkb(frame));
  if (sent.length < 2) return;
  await Promise.all(
    [0, 1, 0, 1].map((which) => run(random.chance(0.5) ? 'xdp_ingress' : 'tc_ingress', sent[which] as Sent)),
  );
  if (sent.some(({ frame }) => readFrame(frame)?.fragment)) expectedDrops = await countPieceDrops();
}

/** Reasons of pieces that have waited: the sweep counts them, at any time. */
const waiting = new Set(
  ['DROP_FRAGMENT', 'DROP_STASH_FULL'].map((name) => Number(hit.btf().enumValues('drop_reason')?.get(name))),
);
async function countPieceDrops(): Promise<number> {
  const counts = await readDropCounts(hit);
  return counts.reduce((all, count, reason) => all + (waiting.has(reason) ? 0 : (count ?? 0)), 0);
}

async function check(): Promise<void> {
  const counts = await readDropCounts(hit);
  const total = counts.reduce((all, count, reason) => all + (waiting.has(reason) ? 0 : (count ?? 0)), 0);
  if (total !== expectedDrops) find(`${expectedDrops} packets were dropped, ${total} are counted`);
  if ((counts[0] ?? 0) > 0) find('a drop without a reason');
  expectedDrops = total;
}

let drops: Record<string, number> = {};
const start = performance.now();
const isOver = (): boolean => done >= packets || (seconds > 0 && performance.now() - start > seconds * 1000);
while (!isOver()) {
  const end = done + Math.min(ROUND, packets - done);
  for (let n = 0; done < end && !isOver(); n++) {
    await (random.chance(0.85) ? arrive(generator.arriving()) : leave(generator.leaving()));
    if (n % CHECK_EVERY === 0) await check();
  }
  const table1 = await checkTable(hit, table);
  if (table1 !== null) find(table1);
  for (let n = 0; n < 200; n++) await race();
  const table2 = await checkTable(hit, table);
  if (table2 !== null) find(`after races: ${table2}`);
  await check();
  const left = await endAll(hit);
  if (left !== null) find(left);
  generator.forget();
  console.log(`${done} packets, ${findings} findings, ${Math.round((done / (performance.now() - start)) * 1000)}/s`);
}
const names = [...(hit.btf().enumValues('drop_reason') ?? [])];
const counts = await readDropCounts(hit);
drops = Object.fromEntries(
  names.map(([name, reason]) => [name, counts[Number(reason)] ?? 0]).filter(([, count]) => count !== 0),
);
finish();
