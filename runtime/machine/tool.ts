import { execa } from 'execa';
import { Refusal } from '../cli/refusal.ts';

/** Where the tools may be: a plain PATH may lack the sbin directories. */
const PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/** In one language, so that what tools say can be read. */
export const TOOL_ENVIRONMENT = { PATH, LC_ALL: 'C' };

const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  tc: 'iproute2',
  nft: 'nftables',
  nsenter: 'util-linux',
  ethtool: 'ethtool',
  mount: 'mount',
  umount: 'mount',
};

export interface ToolResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a tool to its end; a status other than 0 is returned, not thrown. `input` is its standard input. Signals of the
 * terminal don't reach it: it runs in a session of its own, so that Ctrl-C can't stop half a step.
 * @throws Refusal when the tool is not installed
 */
export async function runTool(tool: string, args: readonly string[], input?: string): Promise<ToolResult> {
  const result = await execa(tool, args, {
    env: TOOL_ENVIRONMENT,
    reject: false,
    detached: true,
    cleanup: false,
    stdin: input === undefined ? 'ignore' : 'pipe',
    ...(input === undefined ? {} : { input }),
    maxBuffer: 256 * 1024 * 1024,
  });
  if (result.code === 'ENOENT') {
    const name = PACKAGES[tool] ?? tool;
    throw new Refusal(`\`${tool}\` is not installed.`, `It is in the package ${name}: apt install ${name}`);
  }
  return { ok: result.exitCode === 0, stdout: result.stdout, stderr: result.stderr };
}

/** Runs a tool that must succeed. @throws Refusal with what it said */
export async function runToolOrRefuse(tool: string, args: readonly string[], input?: string): Promise<string> {
  const result = await runTool(tool, args, input);
  if (!result.ok) {
    throw new Refusal(
      `\`${[tool, ...args].join(' ')}\` failed.`,
      null,
      3,
      result.stderr.trim() || result.stdout.trim(),
    );
  }
  return result.stdout;
}
