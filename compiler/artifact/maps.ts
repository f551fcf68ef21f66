/**
 * `maps.json` of `masqc build`: what apply writes into the datapath's maps that follows from the file alone. What only
 * the machine knows (interface indexes, hardware addresses) is added by apply. Schema: docs/maps.schema.json.
 */
import type { Model, Timeouts } from '../model.ts';
import { describeInterfaces, type ManifestInterface } from './manifest.ts';

export const MAPS_SCHEMA = 'masqc/maps@1';

/** The datapath's coarse time: bpf_ktime_get_coarse_ns() >> 26, about 67 ms. */
export const COARSE_SHIFT = 26;

export interface Maps {
  readonly schema: typeof MAPS_SCHEMA;
  readonly gateway: string;
  /** max_entries of the maps that grow with `flows`. */
  readonly sizes: TableSizes;
  /** `timeouts` in coarse units, by the class that enum flow_class of the datapath names. */
  readonly control: { readonly flows: number; readonly timeouts: Timeouts };
  readonly interfaces: readonly ManifestInterface[];
}

export function makeMaps(model: Model): Maps {
  const { name, flows, timeouts } = model.gateway;
  return {
    schema: MAPS_SCHEMA,
    gateway: name,
    sizes: sizeTables(flows),
    control: {
      flows,
      timeouts: {
        tcp: toCoarse(timeouts.tcp),
        'tcp-syn': toCoarse(timeouts['tcp-syn']),
        'tcp-fin': toCoarse(timeouts['tcp-fin']),
        udp: toCoarse(timeouts.udp),
        icmp: toCoarse(timeouts.icmp),
        other: toCoarse(timeouts.other),
      },
    },
    interfaces: describeInterfaces(model),
  };
}

/**
 * max_entries of the maps that grow with `flows`; a mapping has two entries at most (native/datapath/mapping.h), an entry of
 * `sources` has room for ten sources (native/datapath/limits.h).
 */
export type TableSizes = Readonly<
  Record<
    `${'flows' | 'slots' | 'mappings' | 'resting' | 'dying' | 'peers'}${4 | 6}` | 'translations6' | 'sources',
    number
  >
>;

export function sizeTables(flows: number): TableSizes {
  const dying = Math.max(Math.ceil(flows / 8), 1024);
  return {
    flows4: 2 * flows,
    slots4: flows,
    mappings4: 2 * flows,
    resting4: 2 * flows,
    dying4: dying,
    peers4: flows,
    flows6: 2 * flows,
    slots6: flows,
    mappings6: 2 * flows,
    resting6: 2 * flows,
    dying6: dying,
    peers6: flows,
    translations6: flows,
    sources: 2 ** Math.ceil(Math.log2(Math.max(flows / 32, 64))),
  };
}

/** Milliseconds as whole coarse units, rounded up: a flow never ends early. */
export function toCoarse(ms: number): number {
  return Math.ceil((ms * 1_000_000) / 2 ** COARSE_SHIFT);
}
