import util from 'node:util';

/** Errors that Node has no name for, or another: this binding's (negative), the kernel's, libbpf's (from 4000). */
const OWN_CODES: Readonly<Record<number, readonly [code: string, text: string]>> = {
  [-1]: ['ECLOSED', 'it was closed before'],
  [-2]: ['ENOADDON', 'the native part can not be loaded'],
  95: ['EOPNOTSUPP', 'operation not supported'],
  524: ['ENOTSUPP', 'the kernel does not support this'],
  4000: ['LIBBPF_START', 'libbpf error'],
  4001: ['LIBBPF_LIBELF', 'libelf failed'],
  4002: ['LIBBPF_FORMAT', 'not a BPF object file'],
  4003: ['LIBBPF_KVERSION', 'the kernel version in the object is wrong or missing'],
  4004: ['LIBBPF_ENDIAN', 'the object has the other byte order'],
  4005: ['LIBBPF_INTERNAL', 'internal error of libbpf'],
  4006: ['LIBBPF_RELOC', 'relocation failed'],
  4007: ['LIBBPF_LOAD', 'the kernel refused the program'],
  4008: ['LIBBPF_VERIFY', 'the verifier refused the program'],
  4009: ['LIBBPF_PROG2BIG', 'the program is too big'],
  4010: ['LIBBPF_KVER', 'the object is for another kernel version'],
  4011: ['LIBBPF_PROGTYPE', 'the kernel does not support this program type'],
  4012: ['LIBBPF_WRNGPID', 'a netlink answer was for another process'],
  4013: ['LIBBPF_INVSEQ', 'a netlink answer is out of sequence'],
  4014: ['LIBBPF_NLPARSE', 'a netlink answer can not be read'],
};

function describe(errno: number): readonly [code: string, text: string] {
  const own = OWN_CODES[errno];
  if (own !== undefined) return own;
  const name = errno > 0 && errno < 512 ? util.getSystemErrorName(-errno) : '';
  return /^E[A-Z0-9]+$/.test(name) ? [name, systemText(errno)] : [`E${errno}`, `error ${errno}`];
}

/** Node 20 has no getSystemErrorMessage: the code says it there. */
function systemText(errno: number): string {
  return typeof util.getSystemErrorMessage === 'function' ? util.getSystemErrorMessage(-errno) : 'refused';
}

/** "libbpf: " in front of each line and the frames around the verifier's log say nothing. */
const NOISE =
  /^(Failed to bump RLIMIT_MEMLOCK|Error in bpf_object__probe_loading|-- (BEGIN|END) PROG LOAD LOG --|processed \d+ insns|verification time|stack depth|\s*$)/;
/** What libbpf adds when a load failed already for the reason above. */
const CONSEQUENCE =
  /failed to load: -|failed to load object|BPF program load failed|^prog '[^']*': failed to (load|create)/;
/** The state of the registers, which the verifier repeats beside each instruction. */
const STATE =
  /^(cur state|old state|(\d+: )?(R\d+(_w)?=|R\d+_|fp-\d+|from \d+ to \d+|\d+: safe|last_idx|regs=|parent|mark_precise|propagating))/;

/**
 * The lines of libbpf's messages and the verifier's log that say what is wrong and where: of the verifier, the source
 * line and the instruction that it stopped at, and its verdict; else what libbpf said.
 */
export function usefulLines(log: string): string[] {
  const lines = log.split('\n').map((line) => line.replace(/^libbpf: /, '').trimEnd());
  const begin = lines.findLastIndex((line) => line.includes('BEGIN PROG LOAD LOG'));
  const end = lines.findIndex((line, index) => index > begin && line.includes('END PROG LOAD LOG'));
  if (begin < 0) return lines.filter((line) => !NOISE.test(line) && !CONSEQUENCE.test(line)).slice(-6);

  const program = /^prog '([^']*)'/.exec(lines.slice(0, begin + 1).findLast((line) => line.startsWith("prog '")) ?? '');
  const verifier = lines.slice(begin + 1, end < 0 ? undefined : end).filter((line) => !NOISE.test(line));
  const isInstruction = (line: string): boolean => /^\d+: \([0-9a-f]{2}\)/.test(line);
  const at = verifier.findLastIndex(isInstruction);
  const source = verifier.slice(0, at + 1).findLast((line) => line.startsWith('; '));
  const verdict = verifier.slice(at + 1).filter((line) => !STATE.test(line) && !line.startsWith('; '));
  const where = [source?.replace(/^; /, ''), at < 0 ? undefined : verifier[at]?.replace(/\s+;.*$/, '')];
  const named = program?.[1] === undefined ? [] : [`program ${program[1]}`];
  return [...named, ...verdict.slice(-4), ...where.filter((line) => line !== undefined)];
}

const UNDEFINED = /extern .*(not found|unresolved)|failed to find BTF for extern/;
const NEEDS_ROOT = 'it takes root, or the capabilities CAP_BPF and CAP_NET_ADMIN';

/**
 * The one error of this binding: what the kernel or libbpf refused. (Arguments of a wrong type or size are TypeError
 * and RangeError.)
 */
export class BpfError extends Error {
  override readonly name = 'BpfError';
  /** 'EPERM', 'ENOENT', …; 'LIBBPF_FORMAT', … of libbpf; 'ECLOSED' for an object used after close(). */
  readonly code: string;
  /** Positive; 4000 and more are libbpf's; negative: this binding's own. */
  readonly errno: number;
  /** What was tried: 'open', 'load', 'attach', 'lookup_batch', … */
  readonly op: string;
  /** The name or path of what it was tried on; may be empty. */
  readonly object: string;
  /** The useful lines of the log, those of the message too. */
  readonly lines: readonly string[];
  /** Everything that libbpf and the verifier said. */
  readonly log: string;

  constructor(op: string, errno: number, object: string, log: string, options?: ErrorOptions) {
    const [code, plain] = describe(errno);
    // libbpf says ENOENT or ESRCH of a symbol, which reads as if the file were missing.
    const text = UNDEFINED.test(log) ? 'an extern symbol is defined nowhere' : plain;
    const lines = usefulLines(log);
    if (code === 'EPERM' && process.getuid?.() !== 0) lines.push(NEEDS_ROOT);
    const subject = object === '' ? op : `${op} ${object}`;
    super([`${subject}: ${text} (${code})`, ...lines].join('\n  '), options);
    this.code = code;
    this.errno = errno;
    this.op = op;
    this.object = object;
    this.lines = lines;
    this.log = log;
  }
}
