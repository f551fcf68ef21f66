/** How the demo looks: a heading, the commands as an admin would type them, what they print, and what that shows. */
import pc from 'picocolors';
import type { Ended, Namespace } from '../namespace.ts';

export interface Step {
  /** What is about to be seen, in a sentence. */
  readonly title: string;
  readonly where: Namespace;
  /** What is shown as typed. */
  readonly typed: string;
  /** What is run. */
  readonly argv: readonly string[];
  /** In milliseconds. */
  readonly limit?: number;
  /** What the outcome shows, or null when it is not what it should be. May look elsewhere too. */
  readonly shows: (ended: Ended) => string | null | Promise<string | null>;
}

export class Stage {
  /** Titles of the steps that did not show what they should. */
  readonly failed: string[] = [];
  #short: boolean;
  #number = 0;

  constructor(short: boolean) {
    this.#short = short;
  }

  say(text: string): void {
    console.log(text);
  }

  /** Only where there is room. */
  tell(text: string): void {
    if (!this.#short) console.log(text);
  }

  fail(title: string, why: string): void {
    this.failed.push(title);
    console.log(`${pc.red('✘')} ${title}\n${indent(why)}`);
  }

  async play(step: Step): Promise<void> {
    this.#number += 1;
    const title = `${String(this.#number).padStart(2)}  ${step.title}`;
    this.tell(`\n${pc.bold(title)}\n`);
    this.tell(`    ${pc.cyan(`${step.where.name}$`)} ${step.typed}`);
    const ended = await step.where.run(step.argv, step.limit === undefined ? {} : { limit: step.limit });
    const printed = `${ended.out}${ended.err}`.trimEnd();
    if (printed !== '') this.tell(pc.dim(indent(printed)));
    const shown = await step.shows(ended);
    if (shown === null) {
      this.failed.push(step.title);
      const code = ended.code === null ? 'ended by a signal or its time limit' : `exit code ${ended.code}`;
      this.say(
        `  ${pc.red('✘')} ${this.#short ? `${title}\n${indent(printed)}\n` : ''}not what it should be (${code})`,
      );
    } else this.say(`  ${pc.green('✓')} ${this.#short ? `${title}: ` : ''}${shown}`);
  }
}

export function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
