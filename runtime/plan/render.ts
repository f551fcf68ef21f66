import type { Established, Mss } from '../../compiler/model.ts';
import type { Colours } from '../cli/io.ts';

import type { InterfaceRecord, Timeouts } from '../machine/types.ts';
import type { Change } from './compare.ts';
import { formatBytes } from './memory.ts';
import type { Plan, Step } from './types.ts';

type Sign = '+' | '~' | '-';
export interface StepText {
  readonly sign: Sign;
  /** What is done. */
  readonly text: string;
  /** What it costs or why; may be empty. */
  readonly why: string;
}

/** A step in the admin's words. */
export function describeStep(step: Step): StepText {
  switch (step.kind) {
    case 'forget':
      return say('-', `leftovers of an earlier "${step.gateway}"`, 'its network namespace is no more');
    case 'mount':
      return say('+', 'bpffs at /run/masqc/bpf', 'keeps maps and programs while no masqc runs');
    case 'load':
      return say(
        '+',
        `flow table for ${groups(step.flows)} connections${step.ipv6 ? ' each of IPv4 and IPv6' : ''}, datapath programs`,
        `${formatBytes(step.bytes)} of kernel memory, taken now`,
      );
    case 'load6':
      return say(
        '+',
        `flow table for ${groups(step.flows)} connections of IPv6, its programs`,
        `${formatBytes(step.bytes)} of kernel memory, taken now`,
      );
    case 'replace':
      return say(
        '~',
        'datapath programs',
        `another version: ${counted(step.attachments.length, 'hook')} updated in place, connections go on`,
      );
    case 'table':
      return say(
        '~',
        `flow table for ${groups(step.before.flows)} → ${groups(step.after.flows)} connections`,
        `${formatBytes(step.before.bytes)} → ${formatBytes(step.after.bytes)} of kernel memory, both until all have moved`,
      );
    case 'move':
      return say('~', `${counted(step.used, 'connection')} to the new table`, 'the kernel moves them, traffic goes on');
    case 'settle':
      return say('-', 'the old flow table', `${formatBytes(step.bytes)} of kernel memory are free again`);
    case 'withdraw':
      return say('-', 'a flow table that was begun', 'by an apply that did not end; nothing is in it');
    case 'timeouts':
      return step.before === null
        ? say('+', `timeouts ${formatTimeouts(step.after)}`, '')
        : say(
            '~',
            `timeouts ${formatTimeouts(step.after, step.before)}`,
            'live connections too, from their next packet',
          );
    case 'sweep':
      return say('+', 'expiry timer', 'in the kernel, no process needed');
    case 'interface':
      return describeInterface(step);
    case 'policy':
      return describePolicy(step);
    case 'ids':
      return say(
        '+',
        `${step.ids.map((one) => one.device).join(', ')} in the active policy`,
        'the lines of its interface hold for it; no other generation',
      );
    case 'set':
      return describeEdit(step);
    case 'prefixes':
      return describePrefixes(step);
    case 'guard':
      return step.first
        ? say(
            '+',
            `guard: table inet masqc for ${step.devices.join(', ')}`,
            'shut to every device without our programs',
          )
        : say(
            '~',
            `guard: ${step.devices.join(', ')}`,
            `open to ${counted(step.indexes.length, 'device')} that carry our programs`,
          );
    case 'attach':
      return say('+', `${step.place.device}: ${hookName(step.place.hook)} ${step.place.mode}`, step.why);
    case 'detach':
      return say('-', `${step.place.device}: ${hookName(step.place.hook)} ${step.place.mode}`, step.why);
    case 'drop-interface':
      return say('-', `interface ${step.device} (index ${step.ifindex})`, 'no longer carried');
    case 'forward':
      return say(
        '~',
        `sysctl ${step.families.map((one) => (one === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding')).join(' and ')} 0 → 1`,
        '`masqc down` puts it back',
      );
    default:
      return step satisfies never;
  }
}

const SIGN_COLOUR = { '+': 'green', '~': 'yellow', '-': 'red' } as const;

/**
 * The whole plan for a reader: obstacles, or steps, then what is worth knowing. `lines` of the file that came or went
 * stand below the step of the policy. Ends with a newline.
 */
export function renderPlan(plan: Plan, c: Colours, changed: readonly Change[] = []): string {
  const lines: string[] = [];
  if (plan.obstacles.length > 0) {
    lines.push(`${c.bold(plan.gateway)} can't be applied here:`);
    for (const { text, advice } of plan.obstacles) lines.push(`  ${c.red('!')} ${text}`, `    ${c.dim(advice)}`);
  } else if (plan.steps.length === 0) {
    lines.push(`${c.bold(plan.gateway)}: nothing to do, this machine does what the file says.`);
  } else {
    lines.push(`${c.bold(plan.gateway)}: ${counted(plan.steps.length, 'step')}`);
    const texts = plan.steps.map(describeStep);
    const width = Math.min(60, Math.max(...texts.map(({ text }) => text.length)));
    for (const [index, { sign, text, why }] of texts.entries()) {
      const body = why === '' ? text : `${text.padEnd(width)}  ${c.dim(why)}`;
      lines.push(`  ${c[SIGN_COLOUR[sign]](sign)} ${body}`);
      if (plan.steps[index]?.kind === 'policy') lines.push(...renderChanges(changed, c));
    }
  }
  for (const text of plan.dynamic) lines.push(`  ${c.dim(text)}`);
  if (plan.steps.length > 0 || plan.obstacles.length > 0) {
    for (const { severity, text } of plan.notes) {
      lines.push(severity === 'warning' ? `  ${c.yellow('warning:')} ${text}` : `  ${c.cyan('note:')} ${text}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** More than these are counted only. */
const MOST_CHANGES = 40;

function renderChanges(changes: readonly Change[], c: Colours): string[] {
  const shown = changes
    .slice(0, MOST_CHANGES)
    .map(({ sign, text }) => `      ${c[SIGN_COLOUR[sign]](`${sign} ${text}`)}`);
  const rest = changes.length - shown.length;
  return rest > 0 ? [...shown, `      and ${counted(rest, 'line')} more: see --json`] : shown;
}

/** The plan as JSON (docs/cli.md): every step with its kind and its sentence, the policy's with the lines that changed. */
export function renderPlanJson(plan: Plan, changed: readonly Change[] = []): string {
  const steps = plan.steps.map((step) => ({
    ...describeStep(step),
    ...step,
    ...(step.kind === 'policy' ? { lines: changed } : {}),
  }));
  return `${JSON.stringify({ schema: 'masqc/plan@1', ...plan, steps }, null, 2)}\n`;
}

function describeInterface(step: Extract<Step, { kind: 'interface' }>): StepText {
  const name = `interface ${step.name} = ${step.device} (index ${step.ifindex})`;
  if (step.before === null) return say('+', name, describeRecord(step.after));
  const changes = (Object.keys(step.after) as (keyof InterfaceRecord)[])
    .filter((key) => String(step.before?.[key]) !== String(step.after[key]))
    .map((key) => `${RECORD_WORDS[key]} ${sayValue(step.before?.[key])} → ${sayValue(step.after[key])}`);
  return say('~', name, changes.join(', '));
}
const RECORD_WORDS: Readonly<Record<keyof InterfaceRecord, string>> = {
  mac: 'MAC address',
  mtu: 'MTU',
  transmit: 'takes XDP frames',
  hides: 'masqueraded',
  hides6: 'masqueraded in IPv6',
  mss: 'MSS',
  pool: 'outside ports',
  addresses: 'addresses',
  addresses6: 'IPv6 addresses',
  probe: 'probe',
  probe6: 'IPv6 probe',
};
function sayValue(value: InterfaceRecord[keyof InterfaceRecord] | undefined): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  const text = Array.isArray(value) ? value.join(' ') : String(value ?? '');
  return text === '' ? 'none' : text;
}
function describeRecord(record: InterfaceRecord): string {
  const frames = record.mac === null ? 'no Ethernet header' : record.transmit ? 'takes XDP frames' : 'TC sends';
  const mss = record.mss === null ? '' : `, ${describeMss(record.mss)}`;
  return `MTU ${record.mtu}${mss}, ${frames}, ${record.addresses.join(' ') || 'no IPv4 address now'}`;
}
/** `MSS clamped to the path`, `MSS at most 1400`, `any MSS`. */
export function describeMss(mss: Mss | null): string {
  if (mss === null) return 'any MSS';
  return mss === 'clamp' ? 'MSS clamped to the path' : `MSS at most ${mss}`;
}

const MEETS = {
  recheck: 'live connections meet it with their next packet',
  keep: 'new connections meet it, live ones go on',
  flush: 'live connections end',
} as const satisfies Record<Established, string>;

function describePolicy(step: Extract<Step, { kind: 'policy' }>): StepText {
  const rules = counted(step.rules, 'line');
  if (step.table === 'moved')
    return say('~', `policy, generation ${step.generation}`, 'the same, over the new table alone');
  if (step.first) return say('+', `policy, generation ${step.generation}`, `${rules} that decide`);
  const switched = `one store switches; ${MEETS[step.established]}`;
  return say('~', `policy, generation ${step.generation}`, `${rules} that decide; ${switched}`);
}

function describePrefixes({ before, after, established }: Extract<Step, { kind: 'prefixes' }>): StepText {
  const changes = after.flatMap(({ id, name, prefixes }) => {
    const old = before.find((one) => one.id === id)?.prefixes ?? [];
    const [from, to] = [old, prefixes].map((list) => list.join(' ') || 'none');
    return from === to ? [] : [`${name} ${from} → ${to}`];
  });
  const meets = established === 'recheck' ? MEETS.recheck : 'new connections meet them';
  return say('~', `prefixes of ${changes.join('; ') || 'interfaces'}`, `one store, under the same program; ${meets}`);
}

function describeEdit({ name, added, removed, established }: Extract<Step, { kind: 'set' }>): StepText {
  const parts = [...(added > 0 ? [`+${groups(added)}`] : []), ...(removed > 0 ? [`−${groups(removed)}`] : [])];
  const noun = added + removed === 1 ? 'prefix' : 'prefixes';
  const meets = established === 'recheck' ? MEETS.recheck : 'new connections meet it';
  return say('~', `${parts.join(' ')} ${noun} in ${name}`, `in place, under the same program; ${meets}`);
}

function say(sign: Sign, text: string, why: string): StepText {
  return { sign, text, why };
}
function hookName(hook: string): string {
  return { xdp: 'XDP', 'tc-ingress': 'TC in', 'tc-egress': 'TC out' }[hook] ?? hook;
}
export function counted(count: number, noun: string): string {
  return `${groups(count)} ${noun}${count === 1 ? '' : 's'}`;
}
/** 262144 → `262,144`. */
export function groups(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `tcp 2h4m, udp 5m`; with `before`, only what differs, as `udp 5m → 2m`. */
export function formatTimeouts(after: Timeouts, before?: Timeouts): string {
  return Object.entries(after)
    .filter(([name, ms]) => before?.[name] !== ms)
    .map(([name, ms]) =>
      before === undefined
        ? `${name} ${formatTime(ms)}`
        : `${name} ${formatTime(before[name] ?? 0)} → ${formatTime(ms)}`,
    )
    .join(', ');
}

/** As the language writes it: 7440000 → `2h4m`. */
export function formatTime(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)}${unit}`);
    rest %= size;
  }
  return parts.join('') || '0s';
}
