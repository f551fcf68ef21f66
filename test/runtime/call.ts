/** The command line in this process: what a verb prints, and its exit code. */
import pc from 'picocolors';
import { runProgram } from '../../runtime/cli/program.ts';
import { VERBS } from '../../runtime/cli/verbs.ts';

export interface Called {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function call(...args: readonly string[]): Promise<Called> {
  let out = '';
  let err = '';
  const colours = pc.createColors(false);
  const code = await runProgram(args, VERBS, '0.0.0', {
    out: (text) => {
      out += typeof text === 'string' ? text : Buffer.from(text).toString();
    },
    isRead: () => true,
    err: (text) => {
      err += text;
    },
    colours,
    errColours: colours,
    width: 100,
  });
  return { code, out, err };
}
