import type { BehaviourNetwork } from '../network.ts';
import type { Setting } from '../setting.ts';

/** An inside host's connection, as it was started. */
export interface Started {
  readonly protocol: 'udp' | 'tcp' | 'icmp';
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
}

/** Something that can stand between the two cables of the network. */
export interface Gateway {
  readonly name: string;
  /** @throws Failure when it can't be told so; the row has failed then */
  setUp(network: BehaviourNetwork, setting: Setting): Promise<void>;
  takeDown(network: BehaviourNetwork): Promise<void>;
  /** Seconds until the connection ends if nothing more is heard; null when it knows of none. */
  lifetime(network: BehaviourNetwork, started: Started): Promise<number | null>;
  /** Packets that it has dropped, by the names under which its admin is told so. */
  drops(network: BehaviourNetwork): Promise<Readonly<Record<string, number>>>;
  /** What has been logged since the gateway was set up or last asked, a line for each event. */
  readLog(network: BehaviourNetwork): Promise<readonly string[]>;
}
