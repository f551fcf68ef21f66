import { readFileSync } from 'node:fs';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { refuseInput } from '../cli/refusal.ts';
import type { Options } from '../cli/verb.ts';
import { type CodeSection, readCodesPage } from '../report/codes-page.ts';
import { renderCode, renderCodeList, severityOf } from '../report/explain.ts';

/** `masqc explain [CODE…]`: what codes mean, from docs/codes.md. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const { sections } = readCodesPage(readFileSync(new URL('../../docs/codes.md', import.meta.url), 'utf8'));
  const chosen = args.map((arg) => find(arg, sections));
  if (options.json) {
    const shown = (args.length > 0 ? chosen : sections).map((one) => ({ ...describe(one) }));
    await io.out(`${JSON.stringify(shown, null, 2)}\n`);
  } else if (args.length === 0) await io.out(renderCodeList(sections, io.colours));
  else await io.out(chosen.map((one) => renderCode(one, io.colours, io.width)).join('\n\n'));
  return EXIT.fine;
}

/** With `MQ`, with `mq` or with the number alone. */
function find(arg: string, sections: readonly CodeSection[]): CodeSection {
  const code = `MQ${arg.replace(/^mq/i, '')}`;
  const section = sections.find((one) => one.code === code);
  if (section !== undefined) return section;
  throw refuseInput(`There is no code ${arg}.`, '`masqc explain` lists all codes.');
}

function describe({ code, title, chapter, meaning, example, wrong, right, mend }: CodeSection) {
  const severity = severityOf(code);
  return { code, severity, title, chapter, meaning: meaning.join('\n\n'), example, wrong, right, mend };
}
