import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from './failure.ts';
import type { BehaviourNetwork } from './network.ts';
import { familyOf, toBytes } from './wire/addresses.ts';
import { describe, type Packet } from './wire/parse.ts';

export type Side = 'inside' | 'outside';
export type Match = (packet: Packet) => boolean;

/** A packet that a host has got, with its time in milliseconds. */
export interface Heard {
  readonly packet: Packet;
  readonly at: number;
}

/** How long something may take that is to come at once. */
const PATIENCE = 1500;

/** A raw host: an address on one side of the gateway, and what has arrived there. */
export class Host {
  readonly network: BehaviourNetwork;
  readonly side: Side;
  readonly address: string;
  readonly family: 4 | 6;
  /** Its own Ethernet address (inside). */
  readonly mac: readonly number[];
  readonly heard: Heard[] = [];

  constructor(network: BehaviourNetwork, side: Side, address: string) {
    this.network = network;
    this.side = side;
    this.address = address;
    this.family = familyOf(address);
    this.mac = [2, this.family, ...toBytes(address).slice(-4)];
  }

  send(...packets: readonly Uint8Array[]): void {
    for (const packet of packets) this.network.send(this, packet);
  }

  receive(packet: Packet, at: number): void {
    this.heard.push({ packet, at });
  }

  /** Takes the first packet that matches, now or within `limit` milliseconds; null when none comes. */
  async finds(match: Match, limit = PATIENCE): Promise<Packet | null> {
    const end = Date.now() + limit;
    for (;;) {
      const at = this.heard.findIndex(({ packet }) => match(packet));
      if (at >= 0) return this.heard.splice(at, 1)[0]?.packet ?? null;
      if (Date.now() > end) return null;
      await pause(2);
    }
  }

  /** @throws Failure when no such packet comes, or when it comes with a wrong checksum */
  async hears(what: string, match: Match, limit = PATIENCE): Promise<Packet> {
    const packet = await this.finds(match, limit);
    if (packet === null) {
      const others = this.heard.slice(-3).map(({ packet }) => describe(packet));
      const said = others.length === 0 ? 'nothing came' : `it got ${others.join('; ')}`;
      throw new Failure(`${this.address} does not get ${what} (${said})`);
    }
    if (!packet.sumsAreRight) throw new Failure(`${what} arrives with a wrong checksum: ${describe(packet)}`);
    return packet;
  }

  /** Waits until the gateway has done with what was sent. @throws Failure when such a packet has come */
  async hearsNo(what: string, match: Match = () => true): Promise<void> {
    await this.network.settle();
    const found = this.heard.find(({ packet }) => match(packet));
    if (found !== undefined) throw new Failure(`${this.address} gets ${what}: ${describe(found.packet)}`);
  }
}
