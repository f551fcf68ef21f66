/** Interfaces, with their ids in the order of the files, and the zones that are made of them. */
import type { InterfaceDecl, ZoneDecl } from '../../../grammar/ast.ts';
import type { InterfaceId, Mss } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { type Asked, lookUp } from '../names.ts';
import { refuseNamesTwice } from '../resolve/twice.ts';

/** 0 is the gateway and 255 an undeclared interface: native/datapath/packet.h. */
const MOST_INTERFACES = 254;
const MEMBERS: Asked = { kinds: ['interface'], words: 'interfaces', by: 'a zone' };

export function resolveInterfacesAndZones(context: Context): void {
  const things = [...context.names.things.values()];
  const byDevice = new Map<string, InterfaceDecl>();
  for (const thing of things) if (thing.kind === 'interface') declareInterface(context, thing, byDevice);
  for (const thing of things) if (thing.kind === 'zone') resolveZone(context, thing);
}

function declareInterface(context: Context, declaration: InterfaceDecl, byDevice: Map<string, InterfaceDecl>): void {
  const { report, interfaces } = context;
  const { name, device } = declaration;
  const other = byDevice.get(device.text);
  if (other !== undefined) {
    report.add(
      CODES.duplicateDevice,
      device.span,
      { device: device.text, name: other.name.text },
      { related: [{ span: other.device.span, message: 'first named here' }] },
    );
  } else {
    byDevice.set(device.text, declaration);
  }
  if (interfaces.length === MOST_INTERFACES) {
    report.addOnce(CODES.tooMany, name.span, { what: 'interfaces', limit: MOST_INTERFACES });
    return;
  }
  const id: InterfaceId = interfaces.length + 1;
  const mss = readMss(context, declaration);
  interfaces.push({ id, name: name.text, device: device.text, mss, xdp: declaration.xdp, span: name.span });
  context.interfaceIds.set(name.text, id);
}

/** Less is no segment that any TCP sends; more does not fit in an IPv4 packet. */
const SMALLEST_MSS = 48;
const LARGEST_MSS = 65_495;

function readMss({ report }: Context, { mss }: InterfaceDecl): Mss | null {
  if (mss === null || mss.kind === 'clamp') return mss === null ? null : 'clamp';
  const { value, span } = mss.bytes;
  if (value >= SMALLEST_MSS && value <= LARGEST_MSS) return value;
  report.add(CODES.outOfRange, span, {
    what: `an \`mss\` of ${value}`,
    low: `${SMALLEST_MSS}`,
    high: `${LARGEST_MSS}`,
  });
  return null;
}

/** A zone is made of interfaces alone: a zone within a zone would hide what a policy is for. */
function resolveZone(context: Context, { name, members }: ZoneDecl): void {
  const { names, report } = context;
  refuseNamesTwice(context, members);
  const ids: InterfaceId[] = [];
  let sound = true;
  for (const member of members) {
    const thing = names.things.get(member.text);
    if (thing?.kind === 'zone') {
      names.used.add(member.text);
      const inner = thing.members.map(({ text }) => text).join(', ');
      report.add(
        CODES.wrongType,
        member.span,
        { name: `\`${member.text}\``, is: 'a zone', by: MEMBERS.by, asked: MEMBERS.words, known: `: ${inner}` },
        {
          related: [{ span: thing.name.span, message: 'declared here' }],
          fixes:
            member.text === name.text ? [] : [{ title: 'name its interfaces', span: member.span, replacement: inner }],
        },
      );
      sound = false;
      continue;
    }
    const found = lookUp(names, report, member, MEMBERS);
    if (found === null) sound = false;
    else ids.push(context.interfaceIds.get(member.text) ?? 0);
  }
  context.zones.set(name.text, sound ? [...new Set(ids)].sort((a, b) => a - b) : null);
}
