/**
 * Runs inside the gateway of world.ts: argv[2] is JSON {pin, policy, family, seed, packets, seconds}. Prints progress, each
 * finding with all that repeats it, and a last line `result {…}`.
 */
import { ifindexOf } from '../../../native/lib/libbpf.ts';
import { ETHERNET, HIDES, HIDES6, loadDatapath, XDP as TRANSMITS } from '../datapath.ts';
import { ETH, etherType } from './bytes.ts';
import { family4 } from './family4.ts';
import { family6 } from './family6.ts';
import { FlowTable, keyOf } from './flows.ts';
import { type Frame, readFrame as readFrameOf } from './frame.ts';
import { Generator, type Sent } from './generate.ts';
import { isBroken, Judge, type Outcome, TC, XDP } from './judge.ts';
import { Random } from './random.ts';
import { checkTable, endAll, readDropCounts } from './state.ts';
import { DEVICES, type Device, MAC, WORLD4, WORLD6 } from './world.ts';

const task = JSON.parse(process.argv[2] ?? '') as {
  pin: string;
  policy: string;
  family: 4 | 6;
  seed: number;
  packets: number;
  /** At most, without the load; 0: no limit. */
  seconds: number;
};
const { pin, policy, seed, packets, seconds } = task;
const family = task.family === 4 ? family4 : family6;
const readFrame = (bytes: Uint8Array): Frame | null => readFrameOf(family, bytes);
const FLOWS = 512; // few, so that the table is full now and then
const ROUND = 200_000;
const CHECK_EVERY = 256;
/** Of one kind, that are printed. */
const MOST_ALIKE = 2;

const indexes = Object.fromEntries(DEVICES.map((device) => [device, ifindexOf(device)])) as Record<Device, number>;
const { hit, hit6 } = await loadDatapath({
  pin,
  stub: policy,
  interfaces: (['wan0', 'eth0', 'eth1'] as const).map((device, i) => ({
    device,
    id: i + 1,
    flags: ETHERNET | TRANSMITS | (device === 'wan0' ? HIDES | HIDES6 : 0),
    mtu: 1500,
    mac: MAC[device],
    probe: WORLD4.probe[device],
    probe6: WORLD6.probe[device],
    addresses: [WORLD4.own[device], WORLD6.own[device]],
    pool: device === 'wan0' ? [2000, 2200] : [0, 0],
  })),
  policy: {},
  ipv6: task.family === 6,
  flows: FLOWS,
  timeouts: { tcp: 7440, tcpSyn: 7440, tcpFin: 7440, udp: 7440, icmp: 7440, other: 7440 },
  sweep: true,
  probeEvery: 0,
});
const object = hit6 ?? hit;
const table = new FlowTable(object, family);
const random = new Random(seed);
const generator = new Generator(family, random, new Map(DEVICES.map((device) => [indexes[device], device])));
const judge = new Judge(table, indexes);

let done = 0;
let findings = 0;
/** Disagreements of the hooks that were gone at the second look. */
let transient = 0;
const kinds = new Map<string, number>();
let expectedDrops = 0;
const verdicts: Record<string, number> = {};

type Hook = 'xdp_ingress' | 'tc_ingress' | 'tc_egress';

/** @param from the ifindex that TC egress sees as the way in */
function describeRun(hook: Hook, { device, frame }: Sent, from: number) {
  const context =
    hook === 'xdp_ingress'
      ? { ingressIfindex: indexes[device], rxQueueIndex: 0 }
      : { ifindex: indexes[device], ingressIfindex: from };
  return { data: frame, context, dataOutSize: 4096 };
}
function note(hook: Hook, verdict: number): void {
  verdicts[`${hook} ${verdict}`] = (verdicts[`${hook} ${verdict}`] ?? 0) + 1;
  done += 1;
}

function run(hook: Hook, sent: Sent, from = 0): Outcome {
  const piece = hook !== 'xdp_ingress' && (readFrame(sent.frame)?.fragment ?? false);
  const before = piece ? countPieceDrops() : 0;
  const { retval, data } = hit.program(hook).testRunSync(describeRun(hook, sent, from));
  const outcome = { verdict: retval | 0, frame: data };
  if (piece)
    expectedDrops += countPieceDrops() - before; // it may wait, come in again, and take others with it
  else expectedDrops += countDrops(hook, sent, outcome);
  note(hook, outcome.verdict);
  return outcome;
}
/** Of a whole packet. */
const countDrops = (hook: Hook, sent: Sent, outcome: Outcome): number =>
  Number(outcome.verdict === (hook === 'xdp_ingress' ? XDP.drop : TC.drop)) +
  Number(hook !== 'xdp_ingress' && isReject(sent, outcome));
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
function arrive(sent: Sent): void {
  if (!makesSkb(sent.frame)) {
    const outcome = run('xdp_ingress', sent);
    const wrong = judge.xdp(sent, outcome);
    if (wrong !== null) find(wrong, sent, { xdp: outcome });
    return;
  }
  const f = readFrame(sent.frame);
  // of a packet with two faults either may be counted
  const counted = random.chance(0.04) && f !== null && !f.fragment && isBroken(f) === null;
  const before = counted ? readDropCounts(hit) : [];
  const owed = judge.isOwed(sent);
  const xdpFirst = random.chance(0.5);
  const first = xdpFirst ? run('xdp_ingress', sent) : run('tc_ingress', sent);
  const wrong = xdpFirst ? judge.xdp(sent, first) : judge.ingress(sent, first);
  if (wrong !== null) find(wrong, sent, { [xdpFirst ? 'xdp' : 'tc']: first });
  const between = counted ? readDropCounts(hit) : [];
  const second = xdpFirst ? run('tc_ingress', sent) : run('xdp_ingress', sent);
  const wrongToo = xdpFirst ? judge.ingress(sent, second) : judge.xdp(sent, second);
  if (wrongToo !== null) find(wrongToo, sent, { [xdpFirst ? 'tc' : 'xdp']: second });
  const [xdp, tc] = xdpFirst ? [first, second] : [second, first];
  const due = owed === 'forwarded' ? TC.redirect : TC.pass;
  if (owed !== null && tc.verdict !== due) find(`a good packet of a live flow is not ${owed}`, sent, { tc });
  if (owed === 'forwarded' && xdp.verdict === XDP.drop) find('a good packet of a live flow is dropped by XDP', sent);
  const odds = disagree(sent, xdp, tc);
  if (odds !== null) {
    // The sweep may have freed a slot of a full table in between: then they agree when asked again.
    const again = disagree(sent, run('xdp_ingress', sent), run('tc_ingress', sent));
    if (again === null) transient += 1;
    else find(odds, sent, { xdp, tc });
  } else if (counted && xdp.verdict === XDP.drop) {
    const after = readDropCounts(hit);
    const [one, two] = [reasonOf(before, between), reasonOf(between, after)];
    if (one !== two) find(`XDP and TC count different reasons: ${one} and ${two}`, sent, { xdp, tc });
  }
  remember(sent);
}

function disagree(sent: Sent, xdp: Outcome, tc: Outcome): string | null {
  // where the rate of answers lets it, TC refuses aloud what XDP has refused in silence
  if (xdp.verdict === XDP.drop)
    return tc.verdict === TC.drop || isReject(sent, tc) ? null : 'XDP drops what TC does not';
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

function leave(sent: Sent): void {
  if (!makesSkb(sent.frame)) return;
  const from = random.chance(0.5) ? 0 : random.pick([...DEVICES.map((device) => indexes[device]), 1]);
  const outcome = run('tc_egress', sent, from);
  const wrong = judge.egress(sent, from, outcome);
  if (wrong !== null) find(`${wrong} (from ${from})`, sent, { egress: outcome });
  remember(sent);
}

/** The same packets on both processors at once: flows are made twice, ports are claimed by two. */
async function race(): Promise<void> {
  const sent = [generator.arriving(), generator.arriving()].filter(({ frame }) => makesSkb(frame));
  if (sent.length < 2) return;
  await Promise.all(
    [0, 1, 0, 1].map(async (which) => {
      const hook = random.chance(0.5) ? 'xdp_ingress' : 'tc_ingress';
      const packet = sent[which] as Sent;
      const { retval, data } = await hit.program(hook).testRun(describeRun(hook, packet, 0));
      expectedDrops += countDrops(hook, packet, { verdict: retval | 0, frame: data });
      note(hook, retval | 0);
    }),
  );
  if (sent.some(({ frame }) => readFrame(frame)?.fragment)) expectedDrops = countPieceDrops();
}

/** Reasons of pieces that have waited: the sweep counts them, at any time. */
const waiting = new Set(
  ['DROP_FRAGMENT', 'DROP_STASH_FULL'].map((name) => Number(hit.btf().enumValues('drop_reason')?.get(name))),
);
function countPieceDrops(): number {
  const counts = readDropCounts(hit);
  return counts.reduce((all, count, reason) => all + (waiting.has(reason) ? 0 : (count ?? 0)), 0);
}

function check(): void {
  const counts = readDropCounts(hit);
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
    if (random.chance(0.85)) arrive(generator.arriving());
    else leave(generator.leaving());
    if (n % CHECK_EVERY === 0) check();
  }
  const table1 = await checkTable(object, table);
  if (table1 !== null) find(table1);
  for (let n = 0; n < 200; n++) await race();
  const table2 = await checkTable(object, table);
  if (table2 !== null) find(`after races: ${table2}`);
  check();
  const left = await endAll(object, family.number);
  if (left !== null) find(left);
  generator.forget();
  console.log(`${done} packets, ${findings} findings, ${Math.round((done / (performance.now() - start)) * 1000)}/s`);
}
const names = [...(hit.btf().enumValues('drop_reason') ?? [])];
const counts = readDropCounts(hit);
drops = Object.fromEntries(
  names.map(([name, reason]) => [name, counts[Number(reason)] ?? 0]).filter(([, count]) => count !== 0),
);
finish();
