/** A report for programs: JSON, SARIF 2.1.0, workflow commands of GitHub. */
import type { Finding, Report } from './report.ts';
import { TITLES, UNSURE } from './words.ts';

export function renderJson(report: Report): string {
  return `${JSON.stringify({ schema: 'masqc/diff@1', ...report }, null, 2)}\n`;
}

function sentence({ change, packets, witness, before, after }: Finding): string {
  const more =
    packets.length > 1 ? ` and ${packets.length - 1} more set${packets.length === 2 ? '' : 's'} of packets` : '';
  return `${TITLES[change]}: ${packets[0]}${more}; ${witness === null ? `unsure, for ${UNSURE}` : `such as ${witness}`}: ${before.answer} before, ${after.answer} now`;
}
const levelOf = ({ change }: Finding) => (change === 'opens' ? 'warning' : 'note');
/** The line of the new file where there is one. */
const placeOf = ({ before, after }: Finding) => after.place ?? before.place;
const settingText = ({ name, before, after }: Report['settings'][number]) =>
  `${name}: ${before ?? 'none'} before, ${after ?? 'none'} now`;

export function renderSarif({ findings, settings, bound }: Report): string {
  const results = findings.map((finding) => {
    const at = placeOf(finding);
    const locations =
      at === null
        ? []
        : [{ physicalLocation: { artifactLocation: { uri: encodeURI(at.file) }, region: { startLine: at.line } } }];
    return { ruleId: finding.change, level: levelOf(finding), message: { text: sentence(finding) }, locations };
  });
  const others = settings.map((one) => ({ ruleId: 'setting', level: 'note', message: { text: settingText(one) } }));
  const rest =
    bound === null ? [] : [{ ruleId: 'bound', level: 'warning', message: { text: `at least this: ${bound}` } }];
  const rules = [...Object.entries(TITLES), ['setting', 'a setting changed'], ['bound', 'there may be more']];
  const driver = { name: 'masqc diff', rules: rules.map(([id, text]) => ({ id, shortDescription: { text } })) };
  const run = { tool: { driver }, results: [...results, ...others, ...rest] };
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
  return `${JSON.stringify(log, null, 2)}\n`;
}

/** `::warning file=…,line=…::…`: https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
export function renderGithub({ findings, settings, bound }: Report): string {
  const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const lines = findings.map((finding) => {
    const at = placeOf(finding);
    const where = at === null ? '' : `file=${property(at.file)},line=${at.line},`;
    return `::${levelOf(finding) === 'warning' ? 'warning' : 'notice'} ${where}title=${property(TITLES[finding.change])}::${data(sentence(finding))}`;
  });
  for (const one of settings) lines.push(`::notice title=setting::${data(settingText(one))}`);
  if (bound !== null) lines.push(`::warning title=at least::${data(bound)}`);
  return lines.map((line) => `${line}\n`).join('');
}
