/** Masquerades that hide nobody, because no line lets their senders out by their interfaces. */
import type { InterfaceId, Masquerade } from '../../model.ts';
import { ownedAddresses } from '../../ownership.ts';
import { type Box, boxesOf, intersectBox } from '../boxes.ts';
import { CODES } from '../codes.ts';
import { type Context, interfaceName } from '../context.ts';
import { ANYONE } from '../resolve/sides.ts';
import type { Search } from '../taken.ts';

/** Told of every line that lets packets out, in order. */
export interface IdleMasquerades {
  /** `boxes` are let out, but for what was taken before. */
  see(boxes: readonly Box[], search: Search): void;
  /** Not all is known: nothing is said of any. */
  giveUp(): void;
  warn(): void;
}

export function seekIdleMasquerades(context: Context): IdleMasquerades {
  const idle = new Set(context.masquerades.filter((one) => !isReachedByRedirect(context, one)));
  return {
    see(boxes, search) {
      for (const masquerade of idle) {
        const { ins, outs } = search.sight;
        if (!search.ways.to.some((id) => masquerade.interfaces.includes(id))) continue;
        const leaving = { ...ANYONE.include, any: false, interfaces: masquerade.interfaces };
        const named = { services: [], from: masquerade.from, to: { include: leaving, except: null } };
        const hidden = boxesOf(named, ins, outs, 'most').filter(({ family }) => masquerade.families.includes(family));
        const common = boxes.flatMap((box) => hidden.flatMap((one) => intersectBox(box, one) ?? []));
        const cover = search.lines.coversAll(common, search.before);
        if (cover === 'unknown' || 'left' in cover) idle.delete(masquerade);
      }
    },
    giveUp: () => idle.clear(),
    warn() {
      for (const { name, span, interfaces } of idle) {
        const by = interfaces.map((id) => interfaceName(context, id)).join(', ');
        context.report.add(CODES.hidesNobody, span, { name, interface: by });
      }
    },
  };
}

/** What a redirect lets in may leave by an interface of a masquerade, too. */
function isReachedByRedirect(context: Context, { interfaces, families }: Masquerade): boolean {
  return context.redirects.some(({ listens }) =>
    listens.some(({ target }) => {
      if (target.kind !== 'address') return true;
      const { family, address } = target;
      const owned = ownedAddresses(context, family).find(({ first, last }) => first <= address && address <= last);
      const outs: readonly InterfaceId[] = owned?.interfaces ?? interfaces;
      return families.includes(family) && outs.some((id) => interfaces.includes(id));
    }),
  );
}
