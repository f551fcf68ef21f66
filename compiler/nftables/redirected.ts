/**
 * What a redirect has let in, behind routing: known by where it was sent to, so that the translations of other tables open
 * nothing. What came by a map is the policy's to say.
 */
import { writeAddress } from '../../grammar/address.ts';
import type { Family } from '../../grammar/ast.ts';
import { normalize } from '../addresses.ts';
import type { Listen, Range, Service } from '../model.ts';
import { addressType, type Builder, layer } from './builder.ts';
import { writePrefix } from './maps.ts';
import { writeMatch } from './matches.ts';
import { oneOf } from './names.ts';
import type { Line } from './ruleset.ts';
import { matchServices, writePorts } from './services.ts';

export function acceptForwarded(builder: Builder): Line[] {
  return ([4, 6] as const).flatMap((family) => acceptTargets(builder, family));
}

/** Redirects to the gateway itself. */
export function acceptOwn(builder: Builder): Line[] {
  const own = listensOf(builder).filter(({ target }) => target.kind !== 'address');
  const reached = own.flatMap(({ service, targetPorts }) =>
    matchServices([{ ...service, ports: targetPorts ?? service.ports }]),
  );
  return reached.map((match) => accept(`ct status dnat ${writeMatch(match)}`));
}

interface Target {
  readonly address: string;
  readonly service: Service;
  readonly ports: Range<number>;
}

function acceptTargets(builder: Builder, family: Family): Line[] {
  const targets = listensOf(builder).flatMap(({ service, target, targetPorts }): Target[] => {
    if (target.kind !== 'address' || target.family !== family) return [];
    const ports = targetPorts ?? service.ports ?? { first: 0, last: 65_535 };
    return [{ address: writeAddress(target.address, family), service, ports }];
  });
  const maps = builder.model.maps.filter((map) => map.family === family);
  const outsides = maps.map(({ outside }) => writePrefix(outside, family));
  const unmapped = maps.length === 0 ? '' : ` ct original ${layer(family)} daddr != ${oneOf(outsides)}`;
  const daddr = `${layer(family)} daddr`;
  const ported = targets.filter(({ service }) => hasPorts(service));
  const whole = targets.filter(({ service }) => !hasPorts(service));
  const lines = whole.flatMap(({ address, service }) =>
    matchServices([service]).map((match) =>
      accept(`ct status dnat${unmapped} ${daddr} ${address} ${writeMatch(match)}`),
    ),
  );
  if (ported.length === 0) return lines;
  const name = `targets-ipv${family}`;
  const spec = [`type ${addressType(family)} . inet_proto . inet_service`, 'flags interval'];
  builder.addSet({ kind: 'set', name, says: 'where redirects lead', spec, elements: listTargets(ported) });
  return [accept(`ct status dnat${unmapped} ${daddr} . meta l4proto . th dport @${name}`), ...lines];
}

const listensOf = ({ model }: Builder): Listen[] => model.redirects.flatMap(({ listens }) => listens);
const hasPorts = ({ protocol }: Service): boolean => ['tcp', 'udp', 'sctp'].includes(protocol);

/** `192.168.2.10 . tcp . 80`; elements may not overlap. */
function listTargets(targets: readonly Target[]): string[] {
  const byMachine = new Map<string, Range<number>[]>();
  for (const { address, service, ports } of targets) {
    const machine = `${address} . ${service.protocol}`;
    byMachine.set(machine, [...(byMachine.get(machine) ?? []), ports]);
  }
  return [...byMachine].flatMap(([machine, ports]) =>
    normalize(ports).map((range) => `${machine} . ${writePorts(range)}`),
  );
}

const accept = (match: string): Line => ({ match, statement: 'accept', comment: 'let in by a redirect' });
