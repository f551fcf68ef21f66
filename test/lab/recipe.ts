/**
 * A network for a recipe: the gateway, hosts on a switch behind each of its inner devices, and the world
 * beyond its outer one, which has every address that it is given.
 *
 *   hosts ─ switch ─ eth1 [ gateway ] eth0 ─── 203.0.113.1 [ world ]
 *                         203.0.113.7
 */
import { join } from 'node:path';
import { Lab } from './lab.ts';
import { mustMasqc, root } from './masqc.ts';
import type { Namespace } from './namespace.ts';

export const OUTSIDE = '203.0.113.7';

export interface Recipe {
  /** The gateway file, in the repository. */
  readonly file: string;
  /** The outer device; `ppp…` is one without Ethernet header, of 1,492 bytes. */
  readonly wan: string;
  /** Addresses in the world. */
  readonly world: readonly string[];
  /** Inner devices, with the gateway's address (/24) and hosts by name. */
  readonly inside: Readonly<
    Record<string, { readonly gateway: string; readonly hosts: Readonly<Record<string, string>> }>
  >;
}

export class RecipeNetwork {
  readonly #lab = new Lab();

  /** The file is applied as it is. */
  static async open(recipe: Recipe): Promise<RecipeNetwork> {
    const network = await RecipeNetwork.build(recipe);
    await mustMasqc(network.gateway, 'apply', join(root, recipe.file));
    return network;
  }

  /** Nothing is applied yet. */
  static async build(recipe: Recipe): Promise<RecipeNetwork> {
    const network = new RecipeNetwork();
    await network.#build(recipe);
    return network;
  }

  get gateway(): Namespace {
    return this.at('gateway');
  }
  at(name: string): Namespace {
    return this.#lab.at(name);
  }

  async #build({ wan, world, inside }: Recipe): Promise<void> {
    const lab = this.#lab;
    const hosts = Object.values(inside).flatMap((side) => Object.keys(side.hosts));
    await lab.add('gateway', 'world', 'switch', ...hosts);
    for (const [device, side] of Object.entries(inside)) {
      await lab.connect(this.gateway, device, this.at('switch'), `gw-${device}`);
      await this.at('switch').ip(
        `link add ${device} type bridge`,
        `link set ${device} up`,
        `link set gw-${device} master ${device}`,
      );
      await this.gateway.ip(`addr add ${side.gateway}/24 dev ${device}`);
      for (const [name, address] of Object.entries(side.hosts)) {
        await lab.connect(this.at(name), 'eth0', this.at('switch'), name);
        await this.at('switch').ip(`link set ${name} master ${device}`);
        await this.at(name).ip(`addr add ${address}/24 dev eth0`, `route add default via ${side.gateway}`);
      }
    }
    const line = wan.startsWith('ppp');
    if (line) await lab.connectTun(this.gateway, wan, this.at('world'), 'line');
    else await lab.connect(this.gateway, wan, this.at('world'), 'line');
    const mtu = line ? 'mtu 1492 ' : '';
    const [near, far] = line
      ? [`${OUTSIDE} peer 203.0.113.1/32`, `203.0.113.1 peer ${OUTSIDE}/32`]
      : [`${OUTSIDE}/24`, '203.0.113.1/24'];
    await this.at('world').ip(
      `addr add ${far} dev line`,
      `link set line ${mtu}up`,
      ...world.map((address) => `addr add ${address}/32 dev lo`),
    );
    await this.gateway.ip(`addr add ${near} dev ${wan}`, `link set ${wan} ${mtu}up`);
    await this.gateway.ip(`route add default via 203.0.113.1 dev ${wan}`);
  }

  /** `masqc down`, and the network goes. */
  async close(): Promise<void> {
    await mustMasqc(this.gateway, 'down');
    this.#lab.close();
  }
}
