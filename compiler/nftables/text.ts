/** A ruleset as nft reads it. */
import { quote } from './names.ts';
import type { Chain, Line, NamedSet, Ruleset, Timeout } from './ruleset.ts';

const WIDTH = 120;

/** `head`: lines of comment. The table is made, emptied and filled in one transaction. */
export function writeRuleset(head: readonly string[], { timeouts, sets, chains }: Ruleset): string {
  const parts = [...timeouts.map(writeTimeout), ...sets.map(writeSet), ...chains.map(writeChain)];
  return `#!/usr/sbin/nft -f
${head.map((line) => `# ${line}`.trimEnd()).join('\n')}

table inet masqc
delete table inet masqc
table inet masqc {
${parts.join('\n')}}
`;
}

const says = (text: string | null): string => (text === null ? '' : `  # ${text}\n`);

function writeTimeout({ name, lines }: Timeout): string {
  return `  ct timeout ${name} {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`;
}

function writeSet({ kind, name, says: text, spec, elements }: NamedSet): string {
  const lines = spec.map((line) => `    ${line}\n`).join('');
  return `${says(text)}  ${kind} ${name} {\n${lines}${writeElements(elements)}  }\n`;
}

/** As many in a line as fit; those with a comment have one each. */
function writeElements(elements: readonly string[]): string {
  if (elements.length === 0) return '';
  const short = `    elements = { ${elements.join(', ')} }\n`;
  if (elements.length < 2 || short.length <= WIDTH) return short;
  const lines: string[] = [];
  let line = '';
  for (const element of elements) {
    const longer = line === '' ? element : `${line}, ${element}`;
    if (line !== '' && (longer.length > WIDTH - 8 || line.includes('comment'))) {
      lines.push(`      ${line},\n`);
      line = element;
    } else line = longer;
  }
  return `    elements = {\n${lines.join('')}      ${line}\n    }\n`;
}

function writeChain({ name, says: text, hook, lines }: Chain): string {
  const type = hook === null ? '' : `    ${hook}\n`;
  return `${says(text)}  chain ${name} {\n${type}${lines.map((line) => `    ${writeLine(line)}\n`).join('')}  }\n`;
}

function writeLine({ match, statement, comment }: Line): string {
  const rule = match === '' ? statement : `${match} ${statement}`;
  return comment === null ? rule : `${rule} comment ${quote(comment)}`;
}
