import { addon } from './addon.ts';
import { checkIfindex, checkUint32 } from './check.ts';
import type { Direction } from './link.ts';
import type { BpfProgram } from './program.ts';

/** Where a filter sits: what is needed to take it off again, also from another process. */
export type ClsactPlace = {
  readonly ifindex: number;
  readonly direction: Direction;
  readonly handle: number;
  readonly priority: number;
};
export type ClsactFilter = ClsactPlace & {
  readonly kind: string;
  /** The program's name and id; '' and 0 for filters of other kinds. */
  readonly name: string;
  readonly programId: number;
};

const DIRECTIONS = { ingress: 0, egress: 1 } as const;

/** A TC program on the clsact qdisc. It stays when the process ends. */
export class ClsactAttachment implements ClsactPlace {
  readonly ifindex: number;
  readonly direction: Direction;
  readonly handle: number;
  readonly priority: number;
  readonly programId: number;
  /** Whether the interface had no clsact qdisc before. */
  readonly createdQdisc: boolean;

  /** For this package: use attachClsact. */
  constructor(place: ClsactPlace, programId: number, createdQdisc: boolean) {
    this.ifindex = place.ifindex;
    this.direction = place.direction;
    this.handle = place.handle;
    this.priority = place.priority;
    this.programId = programId;
    this.createdQdisc = createdQdisc;
  }

  /** Puts another program in the same place. */
  async update(program: BpfProgram): Promise<ClsactAttachment> {
    return await attach(program, this, true, this.createdQdisc);
  }

  /** Also removes the qdisc when attaching made it and nothing else is on it; whether it did. */
  async detach(): Promise<boolean> {
    return await detachClsact(this, { programId: this.programId, removeQdisc: this.createdQdisc });
  }
}

async function attach(
  program: BpfProgram,
  place: ClsactPlace,
  replace: boolean,
  hadMade: boolean,
): Promise<ClsactAttachment> {
  const made = await addon().clsactAttach(
    program.handle(),
    checkIfindex(place.ifindex),
    DIRECTIONS[place.direction],
    checkUint32(place.handle, 'handle'),
    checkUint32(place.priority, 'priority'),
    replace,
  );
  const { ifindex, direction } = place;
  const { handle, priority } = made;
  return new ClsactAttachment({ ifindex, direction, handle, priority }, made.programId, hadMade || made.createdQdisc);
}

/** EEXIST when handle and priority are taken; the kernel chooses those that are not given. */
export async function attachClsact(
  program: BpfProgram,
  ifindex: number,
  direction: Direction,
  options: { readonly handle?: number; readonly priority?: number } = {},
): Promise<ClsactAttachment> {
  const place = { ifindex, direction, handle: options.handle ?? 0, priority: options.priority ?? 0 };
  return await attach(program, place, false, false);
}

/** ENOENT when no filter (with that program, if one is named) is there. */
export async function detachClsact(
  place: ClsactPlace,
  options: { readonly programId?: number; readonly removeQdisc?: boolean } = {},
): Promise<boolean> {
  const { ifindex, direction, handle, priority } = place;
  const { programId = 0, removeQdisc = false } = options;
  return await addon().clsactDetach(
    checkIfindex(ifindex),
    DIRECTIONS[direction],
    handle,
    priority,
    programId,
    removeQdisc,
  );
}

/** All filters of that direction, empty where there is no clsact qdisc. */
export function clsactQuery(ifindex: number, direction: Direction): readonly ClsactFilter[] {
  return addon()
    .clsactQuery(checkIfindex(ifindex), DIRECTIONS[direction])
    .map((filter) => ({ ...filter, ifindex, direction }));
}
