/** Run inside a network namespace by attach.test.ts: node attach-scenes.ts SCENE OBJECT PINS; prints JSON. */
import { execFileSync } from 'node:child_process';

import {
  attachClsact,
  attachTcx,
  attachXdp,
  BpfError,
  BpfLink,
  BpfObject,
  clsactQuery,
  detachClsact,
  hasTcx,
  ifindexOf,
  interfaceName,
  tcxQuery,
  XDP_FEATURES,
  xdpFeatures,
  xdpQuery,
} from '../../native/lib/libbpf.ts';

const [scene = '', path = '', pins = ''] = process.argv.slice(2);
const qdiscs = (device: string): string => execFileSync('tc', ['qdisc', 'show', 'dev', device], { encoding: 'utf8' });
const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action();
    return 'no error';
  } catch (error) {
    return error instanceof BpfError ? error.code : String(error);
  }
};

const left = ifindexOf('left');
const loopback = ifindexOf('lo');
using object = BpfObject.open(path);
await object.load();
const first = object.program('first');
const second = object.program('second');
const tc = object.program('tc_first');

const scenes: Record<string, () => Promise<unknown>> = {
  xdp: async () => {
    const link = await attachXdp(first, left, { mode: 'native' });
    const attached = { info: link.info(), query: xdpQuery(left), first: first.id };
    const busy = await codeOf(() => attachXdp(second, left));
    await link.update(second);
    const updated = { query: xdpQuery(left), second: second.id };
    const wrongOld = await codeOf(() => link.update(first, first));
    await link.update(first, second);
    link.pin(`${pins}/link_xdp`);
    link.close();
    const pinned = BpfLink.openPinned(`${pins}/link_xdp`);
    const stays = xdpQuery(left).length;
    await pinned.detach();
    const detached = { query: xdpQuery(left), info: pinned.info() };
    pinned.close();
    return { attached, busy, updated, wrongOld, stays, detached, closed: await codeOf(() => pinned.info()) };
  },
  generic: async () => {
    const link = await attachXdp(first, loopback);
    const result = { mode: link.mode, fallback: link.fallback?.code, query: xdpQuery(loopback) };
    link.close();
    const auto = await attachXdp(first, left);
    const veth = { mode: auto.mode, fallback: auto.fallback };
    auto.close();
    return {
      ...result,
      veth,
      forced: await codeOf(() => attachXdp(first, loopback, { mode: 'native' })),
      nowhere: await codeOf(() => attachXdp(first, 99999)),
      after: xdpQuery(loopback),
    };
  },
  tcx: async () => {
    const link = await attachTcx(tc, left, 'ingress');
    const out = await attachTcx(tc, left, 'egress');
    const more = await attachTcx(object.program('tc_second'), left, 'ingress');
    const result = {
      has: hasTcx(),
      infos: [link.info(), out.info()],
      query: tcxQuery(left, 'ingress'),
      ids: [tc.id, object.program('tc_second').id],
      links: [link.info().id, more.info().id],
    };
    const twice = await codeOf(() => link.update(object.program('tc_second')));
    more.close();
    await link.update(object.program('tc_second'));
    const updated = link.info().programId;
    for (const each of [link, out]) each.close();
    return { ...result, twice, updated, after: tcxQuery(left, 'ingress'), qdiscs: qdiscs('left') };
  },
  clsact: async () => {
    const before = qdiscs('left');
    const filter = await attachClsact(tc, left, 'ingress', { handle: 7, priority: 50 });
    const egress = await attachClsact(tc, left, 'egress');
    const query = clsactQuery(left, 'ingress');
    const taken = await codeOf(() => attachClsact(tc, left, 'ingress', { handle: 7, priority: 50 }));
    const replaced = await filter.update(object.program('tc_second'));
    const wrong = await codeOf(() => detachClsact(replaced, { programId: tc.id }));
    const first = await replaced.detach();
    const between = qdiscs('left') !== before;
    const again = await codeOf(() => replaced.detach());
    const second = await detachClsact(egress, { removeQdisc: true });
    return {
      ids: [tc.id, object.program('tc_second').id],
      query,
      taken,
      replaced: [replaced.programId, replaced.handle, replaced.priority],
      created: [filter.createdQdisc, egress.createdQdisc],
      wrong,
      removals: [first, second],
      between,
      again,
      same: qdiscs('left') === before,
    };
  },
  foreignQdisc: async () => {
    execFileSync('tc', ['qdisc', 'add', 'dev', 'left', 'clsact']);
    const filter = await attachClsact(tc, left, 'ingress');
    const removed = await filter.detach();
    return { created: filter.createdQdisc, removed, qdiscs: qdiscs('left'), none: clsactQuery(loopback, 'egress') };
  },
  interfaces: async () => ({
    name: interfaceName(left),
    none: interfaceName(99999),
    missing: await codeOf(() => ifindexOf('nowhere')),
    veth: Number(xdpFeatures(left)),
    loopback: Number(xdpFeatures(loopback)),
    wanted: Number(XDP_FEATURES.basic | XDP_FEATURES.redirect),
    transmit: Number(XDP_FEATURES.transmit),
    gone: await codeOf(() => xdpFeatures(99999)),
  }),
  gone: async () => {
    const link = await attachXdp(first, left);
    const tcx = await attachTcx(tc, left, 'ingress');
    execFileSync('ip', ['link', 'del', 'left']);
    return { xdp: link.info(), tcx: tcx.info(), detach: await codeOf(() => tcx.detach()) };
  },
};

process.stdout.write(JSON.stringify(await scenes[scene]?.()));
