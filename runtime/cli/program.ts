import { Argument, Command, CommanderError, Option } from 'commander';
import { EXIT, type ExitCode } from './exit.ts';
import type { Io } from './io.ts';
import type { Options, Verb } from './verb.ts';

const EXITS_OF_ALL = `Exit codes: 0 fine, 1 errors in the file or the command line, 2 changes pending (plan), 3 the machine refused.`;

/** How one gateway goes from a file to packets, at the end of `masqc --help`. */
const TOUR = `
A first tour:
  masqc check gateway.masq        every mistake of the file, with its line
  masqc test gateway.masq         the file's own expectations
  masqc plan gateway.masq         what would change on this machine
  masqc apply gateway.masq        change it
  masqc show connections          what goes through it
  masqc down                      take it all away again

${EXITS_OF_ALL}
Each verb explains itself: masqc help apply
`;

/** The text after a verb's options: examples, then its exit codes. */
export function renderVerbHelp(verb: Verb): string {
  const width = Math.max(...verb.examples.map((example) => example.line.length));
  const examples = verb.examples.map(({ line, says }) =>
    width > 60 ? `  ${line}\n      ${says}` : `  ${line.padEnd(width)}   ${says}`,
  );
  const exits = verb.exits.map(({ code, says }) => `  ${code}  ${says}`);
  return `\nExamples:\n${examples.join('\n')}\n\nExit codes:\n${exits.join('\n')}\n`;
}

/**
 * Builds the command line from the verb table and runs `argv` (without node and script).
 * @returns the exit code; usage errors are 1. Whatever a verb throws passes through.
 */
export async function runProgram(argv: readonly string[], verbs: readonly Verb[], version: string, io: Io) {
  let exit: ExitCode = EXIT.fine;
  const program = new Command('masqc')
    .description('A small firewall language for Linux gateways, compiled to eBPF.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain')
    .configureOutput({ writeOut: (text) => void io.out(text), writeErr: io.err })
    .showSuggestionAfterError(true)
    .addHelpText('after', TOUR);
  for (const verb of verbs) {
    addVerb(program, verb, async (args, options) => {
      exit = await (await verb.load()).run(args, options, io);
    });
  }
  throwOnExit(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.fine : EXIT.errors;
  }
  return exit;
}

function addVerb(program: Command, verb: Verb, act: (args: readonly string[], options: Options) => Promise<void>) {
  const command = program
    .command(verb.name)
    .summary(verb.summary)
    .description(verb.description.replaceAll('\n', ' '))
    .showHelpAfterError(`\nmasqc ${verb.name} --help shows examples.`)
    .addHelpText('after', renderVerbHelp(verb));
  for (const argument of verb.arguments) {
    const name = argument.several === true ? `${argument.name}...` : argument.name;
    const made = new Argument(argument.optional === true ? `[${name}]` : `<${name}>`, argument.says);
    command.addArgument(argument.choices === undefined ? made : made.choices(argument.choices));
  }
  for (const option of verb.options) {
    const made = new Option(option.flags, option.says);
    if (option.choices !== undefined) made.choices(option.choices);
    if (option.default !== undefined) made.default(option.default);
    if (option.required === true) made.makeOptionMandatory();
    command.addOption(made);
  }
  command.action(async (...received: unknown[]) => {
    const given = received
      .slice(0, verb.arguments.length)
      .flat()
      .filter((one) => one !== undefined);
    const args = given.map(String);
    await act(args, command.opts());
  });
}

function throwOnExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwOnExit(child);
}
