/**
 * Lines of a chain that follow each other and ask for the same things, each with one value, become one look-up in a map: of
 * verdicts, or of where a redirect leads. The map counts for each of its elements, and says which line it is.
 */
import type { Builder } from './builder.ts';
import { quote } from './names.ts';
import type { Line } from './ruleset.ts';

/** Fewer are read more easily one below the other. */
const LEAST = 4;

interface Asked {
  /** What stays in the rule, e.g. `meta nfproto ipv4`. */
  readonly kept: string;
  /** `ip saddr`, `tcp dport`, … */
  readonly fields: readonly string[];
  readonly values: readonly string[];
  /** What the map gives, e.g. `verdict`, and how the rule takes it. */
  readonly gives: string;
  readonly takes: string;
  readonly data: string;
  readonly line: Line;
}

export function gatherLines(builder: Builder, chain: string, lines: readonly Line[]): readonly Line[] {
  const gathered: Line[] = [];
  const run = new Map<string, Asked>();
  let shape = '';
  const end = (): void => {
    const found = [...run.values()];
    gathered.push(...(found.length >= LEAST ? [writeMap(builder, chain, found)] : found.map(({ line }) => line)));
    run.clear();
  };
  for (const line of lines) {
    const asked = readLine(line);
    const key = asked?.values.join() ?? '';
    // Of two lines with the same values the first decides.
    if (asked === null || shape !== shapeOf(asked) || run.has(key)) end();
    if (asked === null) gathered.push(line);
    else {
      shape = shapeOf(asked);
      run.set(key, asked);
    }
  }
  end();
  return gathered;
}

const shapeOf = ({ kept, fields, gives, takes }: Asked): string => [kept, fields.join(), gives, takes].join('\n');

const FIELD = /^(ip6? [sd]addr|(?:tcp|udp) dport) ([0-9a-f.:]+)(?: |$)/;
const KEPT = /^(meta nfproto ipv[46]|[io]ifname "[^"]+"|ip6? [sd]addr (?:!= )?(?:\{[^}]*\}|@\S+|\S+[-/]\S+))(?: |$)/;

/** null: it asks for more than single values. */
function readLine(line: Line): Asked | null {
  let rest = line.match;
  const [kept, fields, values]: [string[], string[], string[]] = [[], [], []];
  while (rest !== '') {
    const found = KEPT.exec(rest) ?? FIELD.exec(rest);
    if (found === null) return null;
    const [whole, name = '', value] = found;
    if (value === undefined) kept.push(name);
    else {
      fields.push(name);
      values.push(value);
    }
    rest = rest.slice(whole.length);
  }
  const given = readStatement(line.statement);
  if (fields.length === 0 || given === null || line.comment === null) return null;
  return { kept: kept.join(' '), fields, values, ...given, line };
}

function readStatement(statement: string): Pick<Asked, 'gives' | 'takes' | 'data'> | null {
  const verdict = /^counter (accept|drop|goto \S+)$/.exec(statement)?.[1];
  if (verdict !== undefined) return { gives: 'verdict', takes: 'vmap', data: verdict };
  const [, ip = '', bare, bracketed, port] =
    /^counter dnat (ip6?) to (?:([0-9a-f.]+)|\[([0-9a-f:]+)\]):(\d+)$/.exec(statement) ?? [];
  const address = bare ?? bracketed;
  if (address === undefined) return null;
  const type = ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
  return { gives: `${type} . inet_service`, takes: `dnat ${ip} to`, data: `${address} . ${port}` };
}

const TYPES: Readonly<Record<string, string>> = {
  ip: 'ipv4_addr',
  ip6: 'ipv6_addr',
  tcp: 'inet_service',
  udp: 'inet_service',
};

function writeMap(builder: Builder, chain: string, run: readonly Asked[]): Line {
  const [first] = run;
  if (first === undefined) throw new RangeError('nothing to gather');
  const { kept, fields, gives, takes } = first;
  const name = builder.names.give(`lines-of-${chain}`);
  const types = fields.map((field) => TYPES[field.split(' ')[0] ?? ''] ?? '');
  const elements = run.map(({ values, data, line }) => {
    const says = line.comment === null ? '' : ` comment ${quote(line.comment)}`;
    return `${values.join(' . ')}${says} : ${data}`;
  });
  builder.addSet({
    kind: 'map',
    name,
    says: null,
    spec: [`type ${types.join(' . ')} : ${gives}`, 'counter'],
    elements,
  });
  const key = fields.join(' . ');
  const statement = takes === 'vmap' ? `${key} vmap @${name}` : `${takes} ${key} map @${name}`;
  return { match: kept, statement, comment: null };
}
