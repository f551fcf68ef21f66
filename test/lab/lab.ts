/**
 * A laboratory: network namespaces with names that nobody else uses, the links between them and the programs in them.
 * Whatever happens to the process that opened it, nothing of it stays: it is taken down by close(), by the end of the
 * process, by Ctrl-C and SIGTERM, and after a SIGKILL by the next laboratory that opens.
 */
import { execa } from 'execa';
import { findOrphans, makePrefix } from './names.ts';
import { Namespace } from './namespace.ts';
import { Program } from './program.ts';
import { kill, removeNamespaces } from './teardown.ts';
import { buildTunlink } from './tunlink.ts';

const open = new Set<Lab>();
let watching = false;

function watchTheEnd(): void {
  if (watching) return;
  watching = true;
  const closeAll = () => {
    for (const lab of open) lab.close();
  };
  process.on('exit', closeAll);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => {
      closeAll();
      process.exit(code);
    });
  }
}

export class Lab {
  readonly prefix = makePrefix();
  #namespaces = new Map<string, Namespace>();
  #children = new Set<number>();

  constructor() {
    watchTheEnd();
    removeNamespaces(findOrphans());
    open.add(this);
  }

  /** Makes namespaces, with loopback up and IPv6 off, so that nothing disturbs a test of IPv4. */
  async add(...names: string[]): Promise<void> {
    await this.#make(names, { 'net.ipv6.conf.all.disable_ipv6': 1, 'net.ipv6.conf.default.disable_ipv6': 1 });
  }
  /** The same with IPv6; addresses need not be unique to be used at once. */
  async addDual(...names: string[]): Promise<void> {
    await this.#make(names, { 'net.ipv6.conf.all.accept_dad': 0, 'net.ipv6.conf.default.accept_dad': 0 });
  }

  async #make(names: readonly string[], settings: Readonly<Record<string, number>>): Promise<void> {
    const made = names.map((name) => new Namespace(name, `${this.prefix}-${name}`, this.#children));
    for (const namespace of made) this.#namespaces.set(namespace.name, namespace);
    await execa('ip', ['-batch', '-'], { input: made.map(({ id }) => `netns add ${id}`).join('\n') });
    await Promise.all(
      made.map(async (namespace) => {
        await namespace.ip('link set lo up');
        await namespace.set(settings);
      }),
    );
  }

  at(name: string): Namespace {
    const namespace = this.#namespaces.get(name);
    if (namespace === undefined) throw new Error(`the laboratory has no ${name}`);
    return namespace;
  }

  /** A cable between two machines; both ends are up. */
  async connect(here: Namespace, device: string, there: Namespace, thereDevice: string): Promise<void> {
    const add = ['link', 'add', device, 'type', 'veth', 'peer', 'name', thereDevice, 'netns', there.id];
    await execa('ip', ['-n', here.id, ...add]);
    await Promise.all([here.ip(`link set ${device} up`), there.ip(`link set ${thereDevice} up`)]);
  }

  /** Moves a card of the machine into a namespace, under another name; it is up. */
  async adopt(device: string, into: Namespace, name: string): Promise<void> {
    await execa('ip', ['link', 'set', device, 'netns', into.id, 'name', name]);
    await into.ip(`link set ${name} up`);
  }

  /** A point-to-point link without Ethernet header. It ends with the program that is returned. */
  async connectTun(here: Namespace, device: string, there: Namespace, thereDevice: string): Promise<Program> {
    const program = this.start(await buildTunlink(), here.id, device, there.id, thereDevice);
    await program.says(/^ready$/m);
    return program;
  }

  /** Starts a program outside of the namespaces (it enters them by itself). It ends with the laboratory at the latest. */
  start(...argv: string[]): Program {
    const program = new Program(argv, (pid) => this.#children.delete(pid));
    this.#children.add(program.pid);
    return program;
  }

  /** Ends every program and removes every namespace; a second call does nothing. */
  close(): void {
    if (!open.delete(this)) return;
    for (const pid of this.#children) kill(pid);
    removeNamespaces([...this.#namespaces.values()].map(({ id }) => id));
  }
}
