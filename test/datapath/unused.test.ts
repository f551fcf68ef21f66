/**
 * What a file does not ask for is not in its program: the loader sets the switches as constants before the verifier looks,
 * and the kernel takes out what can't be reached.
 */
import { mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BpfObject, linkToBytes } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';

needs('linux', 'root', 'btf');

const root = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'masqc-unused-'));
const pins = join(folder, 'bpf');
const test = suite('what a file does not ask for');

test.before(() => {
  execaSync('mkdir', [pins]);
  execaSync('mount', ['-t', 'bpf', 'bpffs', pins]);
  const example = `${root}examples/deathstar.masq`;
  execaSync(process.execPath, [`${root}runtime/cli/masqc.ts`, 'build', example, '-o', join(folder, 'built')]);
});
test.after(() => {
  execaSync('umount', [pins]);
  rmdirSync(pins);
  rmSync(folder, { recursive: true });
});

interface Program {
  /** Instructions as the kernel keeps them, in bytes. */
  readonly bytes: number;
  /** How often it names the map. */
  readonly names: (map: string) => number;
}

/** The program for a connection's first frame, with the example's policy and these switches. */
async function load(family: 4 | 6, switches: Readonly<Record<string, number>>): Promise<Program> {
  const miss = readFileSync(`${root}native/prebuilt/datapath/miss${family}.bpf.o`);
  const linked = await linkToBytes([readFileSync(join(folder, 'built/policy.o')), miss]);
  using object = BpfObject.open(linked, { name: 'unused', pinRoot: pins });
  for (const { name, maxEntries } of object.maps) if (maxEntries > 1024) object.setMaxEntries(name, 1024);
  for (const { name } of object.programs) object.setAutoload(name, name === 'xdp_miss');
  object.setGlobal('.rodata', {
    limits_used: 0,
    logs_used: 0,
    accounts_used: 0,
    addresses_used: 0,
    moving: 0,
    ...switches,
  });
  await object.load();
  const { id, xlatedBytes } = object.program('xdp_miss').info();
  const { stdout } = execaSync('bpftool', ['prog', 'dump', 'xlated', 'id', `${id}`]);
  const ids = new Map(object.maps.map(({ name }) => [name, object.map(name).info().id]));
  return {
    bytes: xlatedBytes,
    names: (map) => stdout.split(`map[id:${ids.get(map)}]`).length - 1,
  };
}

for (const family of [4, 6] as const) {
  /** Each switch, and a map of what it brings: that is named more often with it, and `never` at all without. */
  const switches = [
    { name: 'limits_used', map: 'lines', never: false },
    { name: 'logs_used', map: 'lines', never: false },
    { name: 'accounts_used', map: 'accounted', never: true },
    { name: 'moving', map: `old_flows${family}`, never: true },
    { name: 'moving', map: `old_mappings${family}`, never: true },
  ];
  for (const { name, map, never } of switches) {
    test(`${name} of IPv${family}: what it brings is there with it, and not without (${map})`, async () => {
      const without = await load(family, {});
      const given = await load(family, { [name]: 1 });
      assert.ok(given.bytes > without.bytes, `${given.bytes} bytes with it, ${without.bytes} without`);
      assert.ok(
        given.names(map) > without.names(map),
        `${given.names(map)} times with it, ${without.names(map)} without`,
      );
      if (never) assert.is(without.names(map), 0);
    });
  }
}

test.run();
