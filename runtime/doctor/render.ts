import type { Colours } from '../cli/io.ts';
import { counted } from '../plan/render.ts';
import { isSick } from './diagnose.ts';
import type { Area, Finding, Severity } from './facts.ts';

const SIGNS: Readonly<Record<Severity, string>> = { error: '✗', warning: '!', note: 'i', fine: '✓' };
const TITLES: Readonly<Record<Area, string>> = {
  kernel: 'Kernel',
  devices: 'Devices',
  network: 'Network',
  netfilter: 'Other firewalls',
  gateway: 'Gateway',
};
const WIDTH = 108;

/** By area: what is so, what comes of it, and what mends it. */
export function renderFindings(findings: readonly Finding[], c: Colours): string {
  const colour = { error: c.red, warning: c.yellow, note: c.cyan, fine: c.green };
  const lines: string[] = [];
  for (const area of Object.keys(TITLES) as Area[]) {
    const here = findings.filter((one) => one.area === area);
    if (here.length === 0) continue;
    lines.push(c.bold(TITLES[area]));
    for (const { severity, text, why, mend } of here) {
      const [first = '', ...rest] = wrap(text, WIDTH - 4);
      lines.push(`  ${colour[severity](SIGNS[severity])} ${first}`, ...rest.map((line) => `    ${line}`));
      for (const line of wrap(why, WIDTH - 4)) lines.push(`    ${c.dim(line)}`);
      if (mend !== null) lines.push(`    ${c.dim('mend:')} ${mend}`);
    }
    lines.push('');
  }
  lines.push(summarize(findings, c));
  return `${lines.join('\n')}\n`;
}

function summarize(findings: readonly Finding[], c: Colours): string {
  const count = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const errors = count('error');
  const warnings = count('warning');
  if (errors + warnings === 0) return c.green('Nothing to mend.');
  const parts = [
    ...(errors > 0 ? [c.red(counted(errors, 'thing') + (errors === 1 ? ' breaks' : ' break'))] : []),
    ...(warnings > 0 ? [c.yellow(counted(warnings, 'warning'))] : []),
  ];
  return `${parts.join(', ')}.`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((one) => one !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

export function renderFindingsJson(findings: readonly Finding[]): string {
  return `${JSON.stringify({ schema: 'masqc/doctor@1', healthy: !isSick(findings), findings }, null, 2)}\n`;
}
