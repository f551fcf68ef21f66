/** The programs of the laboratory, started where they belong. Each returns when its program is ready. */
import { fileURLToPath } from 'node:url';
import { addresses } from './article-network.ts';
import type { Namespace } from './namespace.ts';
import type { Program } from './program.ts';

/** Node with one of the programs beside this file, e.g. `node('tcp-client', '192.0.2.80', '7')`. */
export function node(program: string, ...args: string[]): string[] {
  return [process.execPath, fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url)), ...args];
}

async function startReady(where: Namespace, argv: string[]): Promise<Program> {
  const program = where.start(...argv);
  await program.says(/^ready$/m);
  return program;
}

export function startWebServer(where: Namespace, port = 80, address = '0.0.0.0'): Promise<Program> {
  return startReady(where, node('web-server', String(port), where.name, address));
}

export function startEchoServer(where: Namespace, port = 7, host = '0.0.0.0'): Promise<Program> {
  return startReady(where, node('echo-server', String(port), host));
}

export function startDisplay(where: Namespace, port = 6000): Promise<Program> {
  return startReady(where, node('x-display', 'serve', String(port)));
}

/** A name server that knows www.example.org. */
export async function startNameServer(where: Namespace): Promise<Program> {
  const program = where.start(
    ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--user=root', '--pid-file=', '--log-facility=-'],
    ...['--no-resolv', '--no-hosts', '--port=53', '--bind-interfaces', `--listen-address=${addresses.nameserver}`],
    `--address=/www.example.org/${addresses.internet}`,
  );
  await program.says(/started, version/);
  return program;
}

/** A DHCP server for the wan; it gives one address only. */
export async function startDhcpServer(where: Namespace, device: string, address: string): Promise<Program> {
  const program = where.start(
    ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--user=root', '--pid-file=', '--log-facility=-'],
    ...['--port=0', `--interface=${device}`, '--bind-interfaces', '--dhcp-authoritative', '--no-ping'],
    ...[`--dhcp-range=${address},${address},255.255.255.0,1h`, '--dhcp-leasefile=/dev/null'],
  );
  await program.says(/DHCP, IP range/);
  return program;
}
