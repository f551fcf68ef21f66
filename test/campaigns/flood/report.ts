export interface Tried {
  of: number;
  done: number;
}

/** What hosts.ts has seen: packets of established flows and their echoes, and how many of the new ones were answered. */
export interface Report {
  readonly udp: { sent: number; echoed: number };
  readonly tcp: { sent: number; echoed: number; ended: number };
  readonly newTcp: Tried;
  readonly newUdp: Tried;
}
