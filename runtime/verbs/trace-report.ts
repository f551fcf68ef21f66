import {
  type ExpectedPacket,
  type ExpectedWait,
  type Filtering,
  type Model,
  type RuleId,
  SELF,
} from '../../compiler/model.ts';
import type { Station } from '../../compiler/simulate/decision.ts';
import { hasPorts } from '../../compiler/simulate/packet.ts';
import type { Sequel, Story } from '../../compiler/simulate/story.ts';
import {
  describeOutcome,
  describePacketOf,
  describeReason,
  nameAppearance,
  nameInterface,
  namePlace,
} from '../../compiler/simulate/words.ts';
import type { Colours } from '../cli/io.ts';
import { showText } from '../report/text-width.ts';

export interface Told {
  readonly step: ExpectedPacket | ExpectedWait;
  readonly stories: readonly Story[];
}

/** Lines that did not take the packet: the last ones before the one that did. */
const MOST_OVERLOOKED = 8;
const FILTERS: Readonly<Record<Filtering, string>> = {
  'endpoint-independent': 'anybody outside may send to it',
  'address-dependent': 'whom the host has sent to may send to it, from any port',
  'address-and-port-dependent': 'only answers come in by it',
};

export function renderStories(model: Model, told: readonly Told[], c: Colours): string {
  const blocks = told.flatMap(({ step, stories }) =>
    'waitMs' in step
      ? [c.dim(`… ${step.waitMs / 1000} s pass …`)]
      : stories.map((story) => renderStory(model, story, c)),
  );
  return `${blocks.join('\n\n')}\n`;
}

function renderStory(model: Model, story: Story, c: Colours): string {
  const { packet, decision, several } = story;
  const way = several
    ? c.yellow(`  if it leaves by ${nameInterface(model, decision.out ?? 0)}: the file does not tell`)
    : '';
  const lines = [`${c.bold(describePacketOf(model, packet))}${way}`];
  const decider = decision.trail.findLast(({ rule }) => rule === decision.rule && rule !== 0);
  for (const station of decision.trail) {
    if (station === decider) lines.push(...renderOverlooked(model, story, c));
    lines.push(renderStation(model, station, c));
  }
  const denied = decision.outcome === 'denied';
  const mark = denied ? c.red('✗') : c.green('✓');
  const outcome = describeOutcome(model, decision);
  lines.push(
    `${mark} ${denied ? c.red(outcome) : c.green(outcome)}${denied ? `: ${showText(describeReason(model, decision))}` : ''}`,
  );
  if (decision.rejected) lines.push(field('told', 'the sender is told: TCP by a RST, the rest by ICMP', c));
  if (!denied) {
    lines.push(
      field(
        'arrives',
        `${ends(model, story, false)}  ${packet.in === SELF ? 'from the gateway itself' : `by ${nameInterface(model, packet.in)}`}`,
        c,
      ),
    );
    lines.push(
      field(
        'leaves',
        `${ends(model, story, true)}  ${decision.out ? `by ${nameInterface(model, decision.out)}` : 'to the gateway itself'}`,
        c,
      ),
    );
  }
  if (story.answer) lines.push(field('answer', tellSequel(model, story.answer), c));
  if (story.filtering) lines.push(field('port', tellPort(story, story.filtering), c));
  if (story.hairpin) lines.push(field('hairpin', tellSequel(model, story.hairpin), c));
  return lines.join('\n');
}

function renderOverlooked(model: Model, { overlooked }: Story, c: Colours): string[] {
  const shown = overlooked.slice(-MOST_OVERLOOKED);
  const more = overlooked.length - shown.length;
  const lines = more > 0 ? [c.dim(`  ${''.padEnd(11)} ${more} lines before these do not take it`)] : [];
  const quotes = shown.map(({ rule }) => quote(model, rule));
  const width = Math.max(0, ...quotes.map((text) => text.length));
  return [
    ...lines,
    ...shown.map(({ why }, i) => c.dim(`  ${''.padEnd(11)} ${showText(quotes[i]!.padEnd(width))}   ${showText(why)}`)),
  ];
}

function renderStation(model: Model, { stage, text, rule }: Station, c: Colours): string {
  const said = rule === 0 ? '' : `  ${c.cyan(showText(quote(model, rule)))}`;
  return `  ${c.bold(stage.padEnd(11))} ${showText(text)}${said}`;
}

/** `gateway.masq:31  deny tcp 25` */
function quote(model: Model, rule: RuleId): string {
  const origin = model.rules[rule - 1];
  return origin ? `${origin.span.file}:${origin.span.line}  ${origin.text}` : '';
}

function field(name: string, text: string, c: Colours): string {
  return `  ${c.bold(name.padEnd(11))} ${showText(text)}`;
}

/** Source and destination, before or after the gateway. */
function ends(model: Model, { packet, decision }: Story, after: boolean): string {
  const port = (number: number | null) => (hasPorts(packet.protocol) ? number : null);
  const { as, becomes } = decision;
  const from = after && as ? nameAppearance(model, as) : namePlace(model, packet.from, port(packet.sport));
  const to =
    after && becomes
      ? namePlace(model, becomes.machine, becomes.port)
      : namePlace(model, packet.to, port(packet.dport));
  return `${from} → ${to}`;
}

/** Whom the outside port lets in; where it is drawn, which one stands for it here. */
function tellPort({ decision, answer, packet }: Story, filtering: Filtering): string {
  const ports = decision.as?.ports;
  const sure = packet.sport !== null && ports?.first === ports?.last;
  const drawn = sure || !answer ? '' : `one of the pool, here ${answer.packet.dport}; `;
  return `${drawn}${FILTERS[filtering]}`;
}

function tellSequel(model: Model, { packet, decision }: Sequel): string {
  const why = decision.outcome === 'denied' ? `: ${describeReason(model, decision)}` : '';
  return `${describePacketOf(model, packet)} ${describeOutcome(model, decision)}${why}`;
}

export function renderStoriesJson(model: Model, told: readonly Told[]): string {
  const place = (rule: RuleId) => {
    const origin = model.rules[rule - 1];
    return origin ? { file: origin.span.file, line: origin.span.line, text: origin.text } : null;
  };
  const sequel = (one: Sequel | null) =>
    one && { packet: describePacketOf(model, one.packet), outcome: one.decision.outcome, says: tellSequel(model, one) };
  const steps = told.map(({ step, stories }) =>
    'waitMs' in step
      ? { wait: step.waitMs }
      : {
          stories: stories.map((story) => ({
            packet: describePacketOf(model, story.packet),
            outcome: story.decision.outcome,
            by: story.decision.by,
            says: describeOutcome(model, story.decision),
            why: describeReason(model, story.decision),
            rejected: story.decision.rejected,
            arrives: { ends: ends(model, story, false), by: nameInterface(model, story.packet.in) },
            leaves:
              story.decision.outcome === 'denied'
                ? null
                : { ends: ends(model, story, true), by: nameInterface(model, story.decision.out ?? 0) },
            journey: story.decision.trail.map(({ stage, text, rule }) => ({ stage, text, line: place(rule) })),
            overlooked: story.overlooked.map(({ rule, why }) => ({ line: place(rule), why })),
            answer: sequel(story.answer),
            filtering: story.filtering,
            hairpin: sequel(story.hairpin),
          })),
        },
  );
  return `${JSON.stringify({ schema: 'masqc/trace@1', steps }, null, 2)}\n`;
}
