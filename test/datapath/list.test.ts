/** What `masqc show` reads from a flow table: slots and entries as they can stand at any instant. */
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as libbpf from '../../native/lib/libbpf.ts';
import { readLister } from '../../runtime/apply/datapath.ts';
import { coarseNow } from '../../runtime/apply/tables.ts';
import { Refusal } from '../../runtime/cli/refusal.ts';
import type { State } from '../../runtime/machine/types.ts';
import type { Connection } from '../../runtime/show/connection.ts';
import { requireSameLayout } from '../../runtime/show/flow-table.ts';
import { readConnections } from '../../runtime/show/read-connections.ts';
import { readAsked } from '../../runtime/show/who.ts';
import { findLive, renderLive } from '../../runtime/show/who-live.ts';
import { needs } from '../lab/skip.ts';
import { parseAddress } from './datapath.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/list4.bpf.o');

const FLOWS = 10_000; // more than two pages
const folder = mkdtempSync(join(tmpdir(), 'masqc-list-'));
const pins = join(folder, 'bpf');
const test = suite('list');
const objects: libbpf.BpfObject[] = [];

test.before(async () => {
  execaSync('mkdir', [pins]);
  execaSync('mount', ['-t', 'bpf', 'bpffs', pins]);
  for (const family of [4, 6]) {
    const path = new URL(`../../native/prebuilt/datapath/datapath${family}.bpf.o`, import.meta.url).pathname;
    const object = libbpf.BpfObject.open(path, { pinRoot: pins });
    for (const name of [`flows${family}`, `slots${family}`]) object.setMaxEntries(name, 2 * FLOWS);
    await object.load();
    objects.push(object);
    const control = object.map('control');
    control.set(0, control.codec().value.encode({ flows: FLOWS, timeouts: [9e6, 9e5, 9e4, 9e3, 9e2, 90, 0, 0] }));
    const progress = object.map(`progress${family}`);
    progress.set(0, progress.codec().value.encode({ high_water: FLOWS }));
  }
});
test.after(() => {
  for (const object of objects) object[Symbol.dispose]();
  execaSync('umount', [pins]);
  rmdirSync(pins);
  rmSync(folder, { recursive: true });
});

const state = { gateway: 'list-test', netns: 1, ipv6: true } as unknown as State;
async function list(): Promise<Connection[]> {
  const all: Connection[] = [];
  for await (const page of readConnections({ libbpf, state, pins })) all.push(...page);
  return all;
}

const WORDS = {
  4: { inside: '192.168.1.10', outside: '203.0.113.1', server: '198.51.100.9' },
  6: { inside: '2001:db8:1::10', outside: '2001:db8:9::1', server: '2001:db8:80::80' },
} as const;
const be16 = (port: number) => ((port & 255) << 8) | (port >>> 8);
const LIVE = 1;
const [NAT_SRC, ORIGINAL] = [2, 1];

for (const family of [4, 6] as const) {
  const { inside, outside, server } = WORDS[family];
  const map = (name: string) => objects[family === 4 ? 0 : 1]!.map(`${name}${family}`);
  const addressOf = (text: string) => {
    const bytes = parseAddress(text);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return family === 4 ? view.getUint32(0, true) : bytes;
  };
  const key = (from: string, sport: number, to: string, dport: number, protocol: number) =>
    map('flows')
      .codec()
      .key.encode({
        saddr: addressOf(from),
        daddr: addressOf(to),
        sport: be16(sport),
        dport: be16(dport),
        protocol,
      } as never);

  /** A connection in a slot, of which something is otherwise. */
  const put = (index: number, port: number, odd: Record<string, Record<string, number> | null> = {}) => {
    const { protocol = 6 } = odd.slot ?? {};
    const tuple = { saddr: addressOf(inside), daddr: addressOf(server), sport: be16(port), dport: be16(443), protocol };
    map('slots').set(
      index,
      map('slots')
        .codec()
        .value.encode({ ...tuple, state: LIVE, ...odd.slot } as never),
    );
    const entry = (flags: number, saddr: string, daddr: string, sport: number, dport: number) => ({
      ...(family === 4 ? { saddr: addressOf(saddr), daddr: addressOf(daddr) } : {}),
      ...{ sport: be16(sport), dport: be16(dport), flags, slot: index, epoch: 7, tcp: 18 },
    });
    const forth = {
      ...entry(NAT_SRC | ORIGINAL, outside, server, port + 1, 443),
      packets: 3,
      bytes: 300,
      ...odd.forth,
    };
    const back = { ...entry(4, server, inside, 443, port), packets: 2, bytes: 2 ** 40, ...odd.back };
    const flows = map('flows');
    const write = (at: Uint8Array, value: object) => flows.set(at, flows.codec().value.encode(value as never));
    if (odd.forth !== null) write(key(inside, port, server, 443, protocol), forth);
    if (odd.back !== null) write(key(server, 443, outside, port + 1, protocol), back);
    if (family === 4) return;
    const ends = { saddr: parseAddress(outside), daddr: parseAddress(server) };
    map('translations').set(
      index,
      map('translations')
        .codec()
        .value.encode(ends as never),
    );
  };
  const clear = () => {
    const empty = map('slots').codec().value.encode({});
    for (let index = 0; index < FLOWS; index += 1) map('slots').set(index, empty);
    for (let at = map('flows').nextKey(null); at !== null; at = map('flows').nextKey(null)) map('flows').delete(at);
  };

  test(`lists a connection of IPv${family} from its slot and both entries`, async () => {
    put(FLOWS - 1, 5000);
    const [one, ...others] = await list();
    assert.equal(others, []);
    assert.equal(one, {
      protocol: 'tcp',
      source: { address: inside, port: 5000 },
      destination: { address: server, port: 443 },
      masqueraded: { address: outside, port: 5001 },
      redirected: null,
      own: null,
      adopted: false,
      state: 'established',
      expiresMs: one?.expiresMs,
      ageMs: one?.ageMs,
      sent: { packets: 3, bytes: 300 },
      received: { packets: 2, bytes: 2 ** 40 },
      rule: null,
      translation: null,
      generation: 0,
    });
    clear();
  });

  test(`says where a connection of IPv${family} stands`, async () => {
    put(0, 1000, { forth: { tcp: 2 }, back: { tcp: 0 } });
    put(1, 2000, { forth: { tcp: 19 }, back: { tcp: 19 } });
    put(2, 3000, { back: { tcp: 20 } });
    put(3, 4000, { forth: { epoch: 0 } });
    put(4, 5000, { slot: { state: 2 } });
    put(5, 6000, { slot: { protocol: 17 }, back: { packets: 0 } });
    put(6, 7000, { slot: { protocol: 17 } });
    put(7, 8000, { slot: { protocol: 47 }, back: null });
    const states = (await list()).map((one) => `${one.protocol} ${one.state}`);
    assert.equal(states, [
      'tcp opening',
      'tcp closing',
      'tcp reset',
      'tcp ending',
      'tcp ending',
      'udp unanswered',
      'udp answered',
      'gre unanswered',
    ]);
    clear();
  });

  test(`does not list what is no connection of IPv${family}, or another's`, async () => {
    const [free, half, moved] = [0, 4, 6];
    for (const [index, stands] of [free, half, moved].entries())
      put(index, 1000 + 10 * index, { slot: { state: stands } });
    put(3, 2000, { forth: null });
    put(4, 2010, { forth: { slot: 9 } });
    assert.equal(await list(), []);
    put(5, 2020, { back: { slot: 9 } });
    put(6, 2030, { forth: { slot: 0x80000006 } });
    const shown = (await list()).map(({ source, received }) => [source.port, received.packets]);
    assert.equal(shown, [
      [2020, 0],
      [2030, 2],
    ]);
    clear();
  });

  test(`knows whose port of IPv${family} rests, and whose it is again`, async () => {
    const asked = readAsked(family === 4 ? `${outside}:5001` : `[${outside}]:5001`)!;
    const socket = (address: string, port: number) => ({ address: addressOf(address), port: be16(port) });
    const mappings = map('mappings');
    const { key: keys, value: values } = mappings.codec();
    const at = keys.encode({ ...socket(outside, 5001), protocol: 17 } as never);
    const write = (change: object) =>
      mappings.set(at, values.encode({ ...socket(inside, 5000), users: 0, ...change } as never));
    const find = async () => (await findLive({ libbpf, state, pins }, asked)).map(renderLive).join('');
    const at4 = (address: string, port: number) => (family === 4 ? `${address}:${port}` : `[${address}]:${port}`);
    write({ rest: coarseNow() + 300 });
    const said = await find();
    assert.ok(
      said.startsWith(`${at4(inside, 5000)} was ${at4(outside, 5001)} (udp) until its last connection ended;`),
      said,
    );
    assert.match(said, /rests for (19|20) s yet\n$/);
    write({ users: 0x80000000, rest: coarseNow() + 300 });
    assert.is(await find(), '');
    write({ rest: coarseNow() - 1 });
    assert.is(await find(), '');
    write({ rest: coarseNow() + 300 });
    put(0, 5000, { slot: { protocol: 17 } });
    assert.ok((await find()).startsWith(`${at4(inside, 5000)} is ${at4(outside, 5001)} now (udp, 1 connection`));
    mappings.delete(at);
    clear();
  });

  test(`lists every slot of IPv${family}, page after page`, async () => {
    for (let index = 0; index < FLOWS; index += 1) put(index, 10_000 + 2 * index);
    const ports = (await list()).map(({ source }) => source.port);
    assert.equal(
      ports,
      Array.from({ length: FLOWS }, (_, index) => 10_000 + 2 * index),
    );
    clear();
  });
}

test('refuses a table whose structs are others', () => {
  const [own, other] = ([4, 6] as const).map((family) => libbpf.BpfObject.open(readLister(family)).btf());
  requireSameLayout(own!, own!);
  assert.throws(
    () => requireSameLayout(own!, other!),
    (error: unknown) => error instanceof Refusal,
  );
});

test.run();
