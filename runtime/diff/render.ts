/** A report for people. */
import type { Colours } from '../cli/io.ts';
import type { Finding, Report, Said } from './report.ts';
import { TITLES, UNSURE } from './words.ts';

const MOST_SETS = 4;

export function renderHuman({ same, files, findings, settings, bound }: Report, c: Colours): string {
  if (same) return `${c.green('same meaning')}: ${files.before} and ${files.after}\n`;
  const lines = [`${c.bold(files.before)} → ${c.bold(files.after)}`];
  let title = '';
  for (const finding of findings) {
    if (finding.change !== title) lines.push('', colourOf(finding, c)(c.bold(TITLES[finding.change])));
    title = finding.change;
    const mark = { opens: '+', closes: '-' }[finding.change as string] ?? '~';
    finding.packets.slice(0, MOST_SETS).forEach((text, i) => {
      lines.push(`  ${i === 0 ? colourOf(finding, c)(mark) : ' '} ${text}`);
    });
    if (finding.packets.length > MOST_SETS)
      lines.push(
        `    ${c.dim(`and ${finding.packets.length - MOST_SETS} more set${finding.packets.length === MOST_SETS + 1 ? '' : 's'} of packets`)}`,
      );
    lines.push(
      finding.witness === null
        ? `      ${c.yellow('unsure')}   ${UNSURE}`
        : `      ${c.dim('such as')}  ${finding.witness}`,
      `      ${c.dim('before ')}  ${writeSaid(finding.before, finding, c)}`,
      `      ${c.dim('now    ')}  ${writeSaid(finding.after, finding, c)}`,
    );
  }
  if (settings.length > 0) lines.push('', c.cyan(c.bold('settings')));
  for (const { name, before, after } of settings) lines.push(`  ~ ${name}: ${before ?? 'none'} → ${after ?? 'none'}`);
  if (bound !== null) lines.push('', `${c.yellow('at least')} this: ${bound}`);
  return `${lines.join('\n')}\n`;
}

function colourOf({ change }: Finding, c: Colours): (text: string) => string {
  return change === 'opens' ? c.red : change === 'closes' ? c.green : c.yellow;
}

function writeSaid({ answer, place }: Said, { witness }: Finding, c: Colours): string {
  if (place === null && witness === null) return answer;
  return place === null
    ? `${answer} ${c.dim('by no line of the file')}`
    : `${answer}  ${c.dim(`${place.file}:${place.line}`)}  ${place.text}`;
}

/** For a pull request. */
export function renderMarkdown({ same, files, findings, settings, bound }: Report): string {
  const code = (text: string) => `\`${text.replaceAll('`', "'").replaceAll('|', '\\|')}\``;
  const said = ({ answer, place }: Said) =>
    `${answer}${place === null ? '' : `<br>${code(place.text)} (${place.file}:${place.line})`}`;
  if (same)
    return `### masqc: same meaning\n\n${code(files.before)} and ${code(files.after)} treat every packet alike.\n`;
  const lines = [`### masqc: ${code(files.before)} → ${code(files.after)}`];
  for (const change of new Set(findings.map((one) => one.change))) {
    lines.push(
      '',
      `#### ${change === 'opens' ? '⚠️ ' : ''}${TITLES[change]}`,
      '',
      '| packets | such as | before | now |',
      '|---|---|---|---|',
    );
    for (const one of findings.filter((finding) => finding.change === change)) {
      const more = one.packets.length > MOST_SETS ? [`and ${one.packets.length - MOST_SETS} more`] : [];
      const packets = [...one.packets.slice(0, MOST_SETS), ...more].join('<br>');
      lines.push(
        `| ${packets} | ${one.witness === null ? `unsure: ${UNSURE}` : code(one.witness)} | ${said(one.before)} | ${said(one.after)} |`,
      );
    }
  }
  if (settings.length > 0) lines.push('', '#### settings', '', '| setting | before | now |', '|---|---|---|');
  for (const { name, before, after } of settings)
    lines.push(`| ${name} | ${code(before ?? 'none')} | ${code(after ?? 'none')} |`);
  if (bound !== null) lines.push('', `At least this: ${bound}.`);
  return `${lines.join('\n')}\n`;
}
