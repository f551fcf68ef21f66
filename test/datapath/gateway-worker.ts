/**
 * Runs inside the gateway's namespace: loads the datapath, attaches it to every interface of the setup (argv[2], JSON) and
 * answers lines of standard input (`flows`, `flows6`, `drops`, `answers`, `tally N`, `events`, `accounts`, `change JSON`, `restamp FIRST LAST`, `flags SEAT FLAGS`, `run PROGRAM DEVICE FROM HEX`, `pass DEVICE xdp|tc HEX`, `burst PROGRAM DEVICE
 * HEX…`, `race DEVICE
 * HEX…`) with a line of JSON each, until that ends.
 */
import { createInterface } from 'node:readline';
import { attachClsact, attachTcx, attachXdp, hasTcx, ifindexOf } from '../../native/lib/libbpf.ts';
import {
  changePolicy,
  ETHERNET,
  loadDatapath,
  passFrame,
  readAccounts,
  readAnswers,
  readDrops,
  readEvents,
  readFlows,
  readFlows6,
  readTally,
  restamp,
  type Setup,
  writeFlags,
} from './datapath.ts';

const setup = JSON.parse(process.argv[2] ?? '') as Setup & { readonly xdp: boolean };
const loaded = await loadDatapath(setup);
const { hit } = loaded;
const kept: unknown[] = [];
for (const { device, flags } of setup.interfaces) {
  const ifindex = ifindexOf(device);
  const attach = hasTcx() ? attachTcx : attachClsact;
  kept.push(await attach(hit.program('tc_ingress'), ifindex, 'ingress'));
  kept.push(await attach(hit.program('tc_egress'), ifindex, 'egress'));
  if (setup.xdp && flags & ETHERNET)
    kept.push(await attachXdp(hit.program('xdp_ingress'), ifindex, { mode: 'native' }));
}
console.log('ready');

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'flows') console.log(JSON.stringify(await readFlows(loaded)));
  else if (line === 'flows6') console.log(JSON.stringify(await readFlows6(loaded)));
  else if (line === 'drops') console.log(JSON.stringify(readDrops(loaded)));
  else if (line === 'answers') console.log(JSON.stringify(readAnswers(loaded)));
  else if (line.startsWith('tally ')) console.log(JSON.stringify(readTally(loaded, Number(line.slice(6)))));
  else if (line === 'events') console.log(JSON.stringify(await readEvents(loaded)));
  else if (line === 'accounts') console.log(JSON.stringify(await readAccounts(loaded)));
  else if (line.startsWith('change ')) {
    await changePolicy(loaded, setup, JSON.parse(line.slice('change '.length)));
    console.log('true');
  } else if (line.startsWith('restamp ')) {
    const [, first = '', last = ''] = line.split(' ');
    await restamp(loaded, Number(first), Number(last));
    console.log('true');
  } else if (line.startsWith('flags ')) {
    const [, seat = '', flags = ''] = line.split(' ');
    writeFlags(loaded, Number(seat), Number(flags));
    console.log('true');
  } else if (line.startsWith('run ')) {
    const [, program = '', device = '', from = '', hex = ''] = line.split(' ');
    const context =
      program === 'xdp_ingress'
        ? { ingressIfindex: ifindexOf(device), rxQueueIndex: 0 }
        : { ifindex: ifindexOf(device), ingressIfindex: Number(from) };
    try {
      const { retval, data } = await hit.program(program).testRun({ data: Buffer.from(hex, 'hex'), context });
      console.log(JSON.stringify({ retval, data: Buffer.from(data).toString('hex') }));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error) }));
    }
  } else if (line.startsWith('pass ')) {
    const [, device = '', first = '', hex = ''] = line.split(' ');
    console.log(JSON.stringify(await passFrame(loaded, ifindexOf(device), first === 'xdp', Buffer.from(hex, 'hex'))));
  } else if (line.startsWith('burst ')) {
    const [, program = '', device = '', ...frames] = line.split(' ');
    const index = ifindexOf(device);
    const context =
      program === 'xdp_ingress' ? { ingressIfindex: index, rxQueueIndex: 0 } : { ifindex: index, ingressIfindex: 0 };
    const verdicts: number[] = [];
    for (const hex of frames)
      verdicts.push((await hit.program(program).testRun({ data: Buffer.from(hex, 'hex'), context })).retval | 0);
    console.log(JSON.stringify(verdicts));
  } else if (line.startsWith('race ')) {
    const [, device = '', ...frames] = line.split(' ');
    const context = { ingressIfindex: ifindexOf(device), rxQueueIndex: 0 };
    const verdicts: number[] = [];
    for (const hex of frames) {
      const options = { data: Buffer.from(hex, 'hex'), context };
      const run = () => hit.program('xdp_ingress').testRun(options);
      verdicts.push(...(await Promise.all([run(), run(), run(), run()])).map(({ retval }) => retval));
    }
    console.log(JSON.stringify(verdicts));
  } else break;
}
process.exit(kept.length >= 0 ? 0 : 1); // the links live until here
