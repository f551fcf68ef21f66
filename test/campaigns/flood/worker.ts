/**
 * Runs inside a namespace, until its standard input ends: worker.ts OBJECT sink DEVICE | worker.ts OBJECT flood DEVICE SETTINGS
 *
 * `sink` takes the flood off DEVICE, and prints for each line that comes in how many packets that were. `flood` sends by DEVICE
 * as many SYNs as each line that comes in says, and prints how long that took, in ms. SETTINGS is JSON: { source, gateway, mac }.
 */
import { createInterface } from 'node:readline';
import { attachXdp, BpfObject, ifindexOf } from '../../../native/lib/libbpf.ts';

const [path = '', role, device = '', text = '{}'] = process.argv.slice(2);
const object = BpfObject.open(path);
for (const name of ['flood', 'sink']) object.setAutoload(name, name === role);
await object.load();
const settings = object.map('settings');
const codec = settings.codec().value;

async function flood(packets: number): Promise<number> {
  const began = performance.now();
  await object.program('flood').testRun({
    data: new Uint8Array(64),
    context: { ingressIfindex: ifindexOf(device) },
    live: true,
    repeat: packets,
    batchSize: 64,
  });
  return Math.round(performance.now() - began);
}

const bytesOf = (mac: string): Uint8Array => Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16));
let link: unknown = null;
if (role === 'sink') {
  link = await attachXdp(object.program('sink'), ifindexOf(device));
} else {
  const { source, gateway, mac } = JSON.parse(text) as { source: string; gateway: string; mac: string };
  const address = source.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  settings.set(
    0,
    codec.encode({ source: address, random: 0x9e3779b97f4a7c15n, gateway_mac: bytesOf(gateway), mac: bytesOf(mac) }),
  );
}
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  if (role === 'flood') console.log(`took ${await flood(Number(line))}`);
  else console.log(`arrived ${(codec.decode(settings.get(0) as Uint8Array) as { arrived: bigint }).arrived}`);
}
process.exit(link === undefined ? 1 : 0); // the link lives until here
