/** Runs the `expect`s of a file by walking its diagrams. */
import type { Diagnostic, Related } from '../../grammar/diagnostic.ts';
import type { Span } from '../../grammar/span.ts';
import type { PolicyDiagram } from '../diagram/diagram.ts';
import type { Expectation, ExpectedPacket, Model } from '../model.ts';
import { type Surroundings, surroundingsOf } from './decide.ts';
import type { Decision, Destination } from './decision.ts';
import { Gateway } from './gateway.ts';
import { hasPorts, type NewPacket } from './packet.ts';
import { listPackets } from './variants.ts';
import { describeOutcome, describeReason, nameAppearance, nameInterface, namePlace } from './words.ts';

/** The code of an expectation that is not met: docs/codes.md. */
export const UNEXPECTED = 'MQ501';

export interface StepResult {
  readonly span: Span;
  readonly passed: boolean;
  /** `tcp from 192.168.1.20 on lan to 192.0.2.80:80`: the packet that is spoken of below. */
  readonly packet: string;
  /** `is masqueraded by home-out` */
  readonly expected: string;
  /** What happens to it: `is denied by lan-out`. */
  readonly happened: string;
  /** Which line or what else decided: ``gateway.masq:31 `deny tcp 25` ``. */
  readonly why: string;
  readonly decision: Decision;
  /** null: it passed. */
  readonly diagnostic: Diagnostic | null;
}

export interface ExpectationResult {
  readonly title: string;
  readonly span: Span;
  readonly passed: boolean;
  readonly steps: readonly StepResult[];
}

export function runExpectations(model: Model, diagram: PolicyDiagram): ExpectationResult[] {
  const around = surroundingsOf(model, diagram);
  return model.expectations.map((expectation) => runExpectation(model, diagram, expectation, around));
}

function runExpectation(
  model: Model,
  diagram: PolicyDiagram,
  { title, span, steps }: Expectation,
  around: Surroundings,
): ExpectationResult {
  const gateway = new Gateway(model, diagram, around);
  const results = steps.flatMap((step) => {
    if (!('waitMs' in step)) return [runStep(model, diagram, step, gateway)];
    gateway.wait(step.waitMs);
    return [];
  });
  return { title, span, passed: results.every(({ passed }) => passed), steps: results };
}

/** Passes when every packet that the step speaks of fares as expected, by whatever interface it may leave. */
function runStep(model: Model, diagram: PolicyDiagram, step: ExpectedPacket, gateway: Gateway): StepResult {
  const trials = enterAll(gateway, listPackets(model, diagram, step));
  const failed = trials.find(({ decision }) => !isAsExpected(step, decision));
  const { packet, decision, several } = failed ?? trials[0]!;
  const happened = describeOutcome(model, decision);
  const route = several ? `, if it leaves by ${nameInterface(model, decision.out ?? 0)} (the file does not tell)` : '';
  const why = `${describeReason(model, decision)}${route}`;
  const shown = failed ? packet : null;
  const texts = { packet: describePacket(model, step, shown), expected: describeExpected(model, step), happened, why };
  const diagnostic = failed ? complain(model, step, decision, texts) : null;
  return { span: step.span, passed: !failed, ...texts, decision, diagnostic };
}

interface Trial {
  readonly packet: NewPacket;
  readonly decision: Decision;
  readonly several: boolean;
}

/** A step is one connection, in however many ways it may be meant: the first that a line lets in starts it, for all of them. */
function enterAll(gateway: Gateway, packets: readonly NewPacket[]): Trial[] {
  const entered = new Map<string, Decision>();
  const looks = packets.map((packet) => gateway.look(packet));
  return looks.flatMap((prospects) =>
    prospects.map((prospect) => {
      const { packet, decision, follows } = prospect;
      const several = prospects.length > 1;
      const lines = `${decision.rule} ${decision.nat}`;
      const before = entered.get(lines);
      if (decision.outcome === 'denied') return { packet, decision, several };
      if (before !== undefined && follows === null) {
        return { packet, decision: before.outcome === 'denied' ? before : decision, several };
      }
      const fate = gateway.enter(prospect);
      entered.set(lines, fate);
      return { packet, decision: fate, several };
    }),
  );
}

function isAsExpected(step: ExpectedPacket, decision: Decision): boolean {
  if (step.outcome !== decision.outcome) return false;
  if (step.by !== null && step.by !== decision.by) return false;
  if (step.becomes && !(decision.becomes && isDestination(step.becomes, decision.becomes))) return false;
  return !step.as || appearsAs(step.as, decision);
}

function isDestination(expected: NonNullable<ExpectedPacket['becomes']>, { machine, port }: Destination): boolean {
  if (expected.port !== null && expected.port !== port) return false;
  switch (expected.machine.kind) {
    case 'address':
      return machine.kind === 'address' && machine.address === expected.machine.address;
    case 'own':
      return machine.kind === 'own' && machine.interface === expected.machine.interface;
    case 'self':
      return machine.kind !== 'address';
  }
}

/** Certainly this address, and this port if one is expected. */
function appearsAs({ machine, port }: NonNullable<ExpectedPacket['as']>, { as }: Decision): boolean {
  if (!as) return false;
  if (port !== null && !(as.ports && as.ports.first === port && as.ports.last === port)) return false;
  if (machine.kind === 'self') return as.address.kind === 'own';
  if (machine.kind === 'own') return as.address.kind === 'own' && as.address.interface === machine.interface;
  return (
    as.address.kind === 'outside' && as.address.family === machine.family && as.address.address === machine.address
  );
}

/** With the port that went wrong when the step names none. */
function describePacket(model: Model, step: ExpectedPacket, failed: NewPacket | null): string {
  const port = step.toPort ?? (failed && hasPorts(failed.protocol) ? failed.dport : null);
  const from = namePlace(model, step.from, step.fromPort);
  const to = namePlace(model, failed?.to ?? step.to, port);
  return `${step.protocol} from ${from} on ${nameInterface(model, step.on)} to ${to}`;
}

function describeExpected(model: Model, { outcome, by, as, becomes }: ExpectedPacket): string {
  return [
    `is ${outcome}`,
    by === null ? '' : ` by ${by}`,
    as ? ` as ${namePlace(model, as.machine, as.port)}` : '',
    becomes ? ` to ${namePlace(model, becomes.machine, becomes.port)}` : '',
  ].join('');
}

function complain(
  model: Model,
  step: ExpectedPacket,
  decision: Decision,
  texts: Pick<StepResult, 'packet' | 'expected' | 'happened' | 'why'>,
): Diagnostic {
  const origin = model.rules[decision.rule - 1];
  const related: Related[] = origin ? [{ span: origin.span, message: 'this line decides' }] : [];
  const sure = step.as && decision.as ? `; it appears as ${nameAppearance(model, decision.as)}` : '';
  return {
    code: UNEXPECTED,
    severity: 'error',
    message: `${texts.packet} ${texts.happened}: ${texts.why}${sure}`,
    expected: texts.expected,
    span: step.span,
    related,
    fixes: [],
  };
}
