/**
 * The network of examples/deathstar.masq, with the world around it:
 *
 *   han  .20 ─┐ lan                        wan          ┌─ internet 192.0.2.80 (web), .53 (name server)
 *   luke .21 ─┴─ eth0 [ deathstar ] ppp0 ───── [ isp ] ─┼─ stranger 192.0.2.7, .66
 *   yoda .10 ─┬─ eth1 [           ]                     └─ partner  198.51.100.9
 *   leia .11 ─┘ dmz
 *
 * lan 192.168.1.0/24, dmz 192.168.2.0/24 (the gateway is .1 in both), wan 203.0.113.7 with the peer 203.0.113.1. The
 * wan is a device without Ethernet header, as ppp0 is, or an Ethernet device of the same name.
 */
import { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import type { Program } from './program.ts';

export interface NetworkOptions {
  readonly wan: 'tun' | 'ethernet';
  /**
   * offload: as containers are joined, with checksums left to the receiver and packets larger than the wire's.
   * wire: as on cables, frames of at most the MTU with complete checksums, and devices that can take frames from XDP.
   */
  readonly cables: 'offload' | 'wire';
}

export const addresses = {
  han: '192.168.1.20',
  luke: '192.168.1.21',
  yoda: '192.168.2.10',
  leia: '192.168.2.11',
  wan: '203.0.113.7',
  isp: '203.0.113.1',
  internet: '192.0.2.80',
  nameserver: '192.0.2.53',
  stranger: '192.0.2.7',
  blocked: '192.0.2.66',
  partner: '198.51.100.9',
} as const;

export class ArticleNetwork {
  readonly lab: Lab;
  readonly options: NetworkOptions;
  /** The program behind a tun wan. */
  #line: Program | null = null;

  private constructor(lab: Lab, options: NetworkOptions) {
    this.lab = lab;
    this.options = options;
  }

  get gateway(): Namespace {
    return this.lab.at('deathstar');
  }
  at(name: string): Namespace {
    return this.lab.at(name);
  }
  close(): void {
    this.lab.close();
  }

  /** @throws when a link or an address can't be made; nothing stays then */
  static async open(options: Partial<NetworkOptions> = {}): Promise<ArticleNetwork> {
    const network = new ArticleNetwork(new Lab(), { wan: 'tun', cables: 'offload', ...options });
    try {
      await network.#build();
      return network;
    } catch (error) {
      network.close();
      throw error;
    }
  }

  async #build(): Promise<void> {
    const { lab } = this;
    await lab.add('deathstar', 'switches', 'han', 'luke', 'yoda', 'leia', 'isp', 'internet', 'stranger', 'partner');
    await Promise.all([this.#buildInside(), this.#buildOutside()]);
    await this.raiseWan();
    if (this.options.cables === 'wire') await this.#makeWires();
  }

  async #buildInside(): Promise<void> {
    const { lab, gateway } = this;
    const switches = lab.at('switches');
    await switches.ip('link add lan type bridge', 'link add dmz type bridge', 'link set lan up', 'link set dmz up');
    for (const [net, device, hosts] of [
      ['lan', 'eth0', ['han', 'luke']],
      ['dmz', 'eth1', ['yoda', 'leia']],
    ] as const) {
      await lab.connect(gateway, device, switches, `${net}-gw`);
      await switches.ip(`link set ${net}-gw master ${net}`);
      const router = net === 'lan' ? '192.168.1.1' : '192.168.2.1';
      await gateway.ip(`addr add ${router}/24 dev ${device}`);
      for (const name of hosts) {
        const host = lab.at(name);
        await lab.connect(host, 'eth0', switches, name);
        await switches.ip(`link set ${name} master ${net}`);
        await host.ip(`addr add ${addresses[name]}/24 dev eth0`, `route add default via ${router}`);
      }
    }
    await gateway.set({
      'net.ipv4.conf.all.rp_filter': 1,
      'net.ipv4.conf.default.rp_filter': 1,
    });
  }

  async #buildOutside(): Promise<void> {
    const { lab } = this;
    const isp = lab.at('isp');
    await isp.set({ 'net.ipv4.ip_forward': 1, 'net.ipv4.conf.all.send_redirects': 0 });
    await isp.ip('link add net type bridge', 'link set net up', 'addr add 192.0.2.1/24 dev net');
    for (const name of ['internet', 'stranger'] as const) {
      const host = lab.at(name);
      await lab.connect(host, 'eth0', isp, name);
      await isp.ip(`link set ${name} master net`);
      const second = name === 'internet' ? addresses.nameserver : addresses.blocked;
      await host.ip(`addr add ${addresses[name]}/24 dev eth0`, `addr add ${second}/24 dev eth0`);
      await host.ip('route add default via 192.0.2.1');
    }
    const partner = lab.at('partner');
    await lab.connect(partner, 'eth0', isp, 'partner');
    await isp.ip('addr add 198.51.100.1/24 dev partner');
    await partner.ip(`addr add ${addresses.partner}/24 dev eth0`, 'route add default via 198.51.100.1');
  }

  /** Brings the wan up, as the start of the day and a redial do: the device is a new one each time. */
  async raiseWan(address: string = addresses.wan): Promise<void> {
    const { lab, gateway } = this;
    const isp = lab.at('isp');
    if (this.options.wan === 'tun') {
      this.#line = await lab.connectTun(gateway, 'ppp0', isp, 'line0');
      await isp.ip(`addr add ${addresses.isp}/24 dev line0`, 'link set line0 mtu 1492 up');
      await gateway.ip(`addr add ${address} peer ${addresses.isp}/32 dev ppp0`, 'link set ppp0 mtu 1492 up');
    } else {
      await lab.connect(gateway, 'ppp0', isp, 'line0');
      await isp.ip(`addr add ${addresses.isp}/24 dev line0`);
      await gateway.ip(`addr add ${address}/24 dev ppp0`);
    }
    await gateway.ip(`route add default via ${addresses.isp} dev ppp0`);
  }

  /** Takes the wan away, device and all. */
  async dropWan(): Promise<void> {
    if (this.#line === null) await this.gateway.ip('link del ppp0');
    else await this.#line.stop('SIGKILL');
    this.#line = null;
  }

  /** The peer gives another address: no link goes down. */
  async changeWanAddress(from: string, to: string): Promise<void> {
    const suffix = this.options.wan === 'tun' ? ` peer ${addresses.isp}/32` : '/24';
    await this.gateway.ip(
      `addr del ${from}${suffix} dev ppp0`,
      `addr add ${to}${suffix} dev ppp0`,
      `route replace default via ${addresses.isp} dev ppp0`,
    );
  }

  /** As an attacker at the provider could: the outside learns the way to the inner networks. */
  async routeInnerNetworksFromOutside(): Promise<void> {
    const via = this.options.wan === 'tun' ? 'dev line0' : `via ${addresses.wan}`;
    await this.at('isp').ip(`route add 192.168.1.0/24 ${via}`, `route add 192.168.2.0/24 ${via}`);
  }

  async #makeWires(): Promise<void> {
    const ends: [string, string][] = [
      ['han', 'eth0'],
      ['luke', 'eth0'],
      ['yoda', 'eth0'],
      ['leia', 'eth0'],
      ['internet', 'eth0'],
      ['stranger', 'eth0'],
      ['partner', 'eth0'],
    ];
    const taking: [string, string][] = [
      ['switches', 'lan-gw'],
      ['switches', 'dmz-gw'],
      ['deathstar', 'eth0'],
      ['deathstar', 'eth1'],
    ];
    if (this.options.wan === 'ethernet') taking.push(['isp', 'line0'], ['deathstar', 'ppp0']);
    await Promise.all([
      ...ends.map(([name, device]) =>
        this.at(name).ask('ethtool', '-K', device, 'tx', 'off', 'tso', 'off', 'gso', 'off'),
      ),
      ...taking.map(([name, device]) => this.at(name).ask('ethtool', '-K', device, 'gro', 'on')),
    ]);
  }
}
