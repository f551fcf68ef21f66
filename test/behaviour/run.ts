/** Runs rows against a gateway; those with the same setting share one set-up, and the next setting gets a clean one. */
import { Failure } from './failure.ts';
import type { Gateway } from './gateways/gateway.ts';
import { BehaviourNetwork, type Line } from './network.ts';
import type { Broken, Row, Scene } from './row.ts';
import type { Setting } from './setting.ts';

export interface Result {
  readonly row: Row;
  /** pass; fail: the gateway does otherwise; error: the check itself went wrong. */
  readonly outcome: 'pass' | 'fail' | 'error';
  /** What the gateway did instead. */
  readonly why: string;
  readonly seconds: number;
}

/** A gateway on a kind of line. */
export interface Column {
  readonly name: string;
  readonly gateway: Gateway;
  readonly line: Line;
}

/** A row with the gateway that it is to meet. */
interface Task {
  readonly row: Row;
  readonly setting: Setting;
  readonly broken: Broken | null;
}

const LIMIT = 60_000; // ms for a row

/** Each row against the gateway as it should be. */
export async function runColumn(column: Column, rows: readonly Row[], report: (result: Result) => void): Promise<void> {
  const wanted = rows.filter((row) => row.ethernet !== true || column.line.wan === 'ethernet');
  await runTasks(
    column,
    wanted.map((row) => ({ row, setting: row.setting ?? {}, broken: null })),
    report,
  );
}

/** Each row against the gateway broken as the row says: a check that passes there proves nothing anywhere. */
export async function proveColumn(
  column: Column,
  rows: readonly Row[],
  report: (result: Result) => void,
): Promise<void> {
  await runTasks(
    column,
    rows.map((row) => {
      const { broken } = row;
      return { row, setting: 'setting' in broken ? broken.setting : (row.setting ?? {}), broken };
    }),
    report,
  );
}

async function runTasks(column: Column, tasks: readonly Task[], report: (result: Result) => void): Promise<void> {
  const isAlone = ({ row, broken }: Task) => row.alone === true || (broken !== null && 'commands' in broken);
  for (const task of tasks.filter(isAlone)) {
    await withNetwork(column, (network) => runGroup(network, column.gateway, [task], report));
  }
  const shared = tasks.filter((task) => !isAlone(task));
  if (shared.length === 0) return;
  const groups = Map.groupBy(shared, ({ setting }) => JSON.stringify(setting));
  await withNetwork(column, async (network) => {
    for (const group of groups.values()) await runGroup(network, column.gateway, group, report);
  });
}

async function withNetwork(column: Column, use: (network: BehaviourNetwork) => Promise<void>): Promise<void> {
  const network = await BehaviourNetwork.open(column.line);
  try {
    await use(network);
  } finally {
    network.close();
  }
}

async function runGroup(
  network: BehaviourNetwork,
  gateway: Gateway,
  tasks: readonly Task[],
  report: (result: Result) => void,
): Promise<void> {
  const setting = tasks[0]?.setting ?? {};
  await network.prepare(setting);
  const refused = await setUp(network, gateway, setting);
  try {
    for (const task of tasks) report(refused === null ? await runTask(network, gateway, task) : refuse(task, refused));
  } finally {
    if (refused === null) await gateway.takeDown(network);
    network.forgetHosts();
    await network.unprepare(setting);
  }
}

/** A gateway that can't be told a broken setting proves nothing. */
const refuse = ({ row, broken }: Task, why: string): Result => ({
  ...{ row, why, seconds: 0 },
  outcome: broken === null ? 'fail' : 'error',
});

/** Why the gateway can't be set up so; null when it is. */
async function setUp(network: BehaviourNetwork, gateway: Gateway, setting: Setting): Promise<string | null> {
  try {
    await gateway.setUp(network, setting);
    return null;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

async function runTask(network: BehaviourNetwork, gateway: Gateway, { row, setting, broken }: Task): Promise<Result> {
  const start = performance.now();
  const scene: Scene = { network, gateway, setting };
  const end = (outcome: Result['outcome'], why: string): Result => ({
    ...{ row, outcome, why },
    seconds: (performance.now() - start) / 1000,
  });
  network.forget();
  let timer: NodeJS.Timeout | undefined;
  try {
    if (broken !== null) await spoil(network, broken);
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${LIMIT} ms`)), LIMIT);
    });
    await Promise.race([row.check(scene), late]);
    return end('pass', '');
  } catch (error) {
    if (error instanceof Failure) return end('fail', error.message);
    return end('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    clearTimeout(timer);
    network.obstruction = null;
  }
}

async function spoil(network: BehaviourNetwork, broken: Broken): Promise<void> {
  if ('commands' in broken) {
    const place = network.at(broken.in ?? 'gw');
    for (const command of broken.commands) await place.ask(...command.split(' '));
  }
  if ('obstruct' in broken) network.obstruction = broken.obstruct();
}
