/** Services that nobody should open to the whole internet, and the redirects and policies that do. */
import type { Policy, Range, Redirect, Service } from '../../model.ts';
import { SELF } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { admitsEveryone, outerInterfaces } from '../outside.ts';
import { formatPorts } from '../resolve/services.ts';

interface Risk extends Range<number> {
  readonly name: string;
  readonly reason: string;
}
const risk = (first: number, last: number, name: string, reason: string): Risk => ({ first, last, name, reason });

const PASSWORDS = 'passwords will be tried on it all day';
const NO_PASSWORD = 'it answers without asking who is there';
const FILES = 'it was made for a trusted network, and worms look for it';
const RISKS: readonly Risk[] = [
  risk(22, 22, 'ssh', PASSWORDS),
  risk(23, 23, 'telnet', 'it sends passwords in clear'),
  risk(111, 111, 'the portmapper', FILES),
  risk(135, 139, 'Windows RPC and NetBIOS', FILES),
  risk(445, 445, 'SMB', FILES),
  risk(512, 514, 'rexec, rlogin and rsh', 'they trust an address for a password'),
  risk(2049, 2049, 'NFS', FILES),
  risk(2375, 2375, 'the Docker daemon', NO_PASSWORD),
  risk(3306, 3306, 'MySQL', PASSWORDS),
  risk(3389, 3389, 'remote desktop', PASSWORDS),
  risk(5432, 5432, 'PostgreSQL', PASSWORDS),
  risk(5900, 5906, 'VNC', PASSWORDS),
  risk(6000, 6063, 'X11', 'who reaches an X display reads its keyboard and its screen'),
  risk(6379, 6379, 'Redis', NO_PASSWORD),
  risk(9200, 9200, 'Elasticsearch', NO_PASSWORD),
  risk(11211, 11211, 'memcached', NO_PASSWORD),
  risk(27017, 27017, 'MongoDB', NO_PASSWORD),
];

export function warnOfExposed(context: Context): void {
  const outer = outerInterfaces(context);
  for (const redirect of context.redirects) {
    const outside = redirect.interfaces.filter((id) => outer.has(id));
    if (outside.length > 0 && admitsEveryone(redirect.allowFrom, outside)) warnOfRedirect(context, redirect);
  }
  for (const policy of context.policies) {
    const outside = policy.from.filter((id) => outer.has(id));
    const inward = policy.to.some((id) => id === SELF || !outer.has(id));
    if (outside.length > 0 && inward) warnOfPolicy(context, policy, outside);
  }
}

function warnOfRedirect(context: Context, { listens, allowSpan }: Redirect): void {
  for (const { service, targetPorts, span } of listens) {
    if (service.protocol !== 'tcp' || service.ports === null) continue;
    const found = findRisk(targetPorts ?? service.ports) ?? findRisk(service.ports);
    if (found === null) continue;
    const what = `${found.name} (tcp ${formatPorts(targetPorts ?? service.ports)})`;
    context.report.add(
      CODES.exposed,
      allowSpan,
      { what, reason: found.reason },
      {
        related: [{ span, message: 'what it listens for' }],
      },
    );
    return;
  }
}

function warnOfPolicy(context: Context, policy: Policy, outside: readonly number[]): void {
  for (const rule of policy.rules) {
    if (!admitsEveryone(rule.from, outside)) continue;
    if (rule.decision !== 'allow') {
      const everything = rule.services.length === 0 && rule.to.include.any && rule.from.except === null;
      if (everything && rule.to.except === null && (rule.from.include.any || outside.length === 1)) return;
      continue;
    }
    const found = rule.services.length === 0 ? everyPort : findIn(rule.services);
    if (found !== null) context.report.add(CODES.exposed, rule.span, found);
  }
  if (policy.default.decision === 'allow') context.report.add(CODES.exposed, policy.default.span, everyPort);
}

const everyPort = { what: 'every port', reason: 'also what was never meant for strangers' };

function findIn(services: readonly Service[]): { what: string; reason: string } | null {
  for (const { protocol, ports } of services) {
    if (protocol !== 'tcp' || ports === null) continue;
    const found = findRisk(ports);
    if (found !== null) return { what: `${found.name} (tcp ${formatPorts(ports)})`, reason: found.reason };
  }
  return null;
}

function findRisk(ports: Range<number>): Risk | null {
  return RISKS.find(({ first, last }) => first <= ports.last && ports.first <= last) ?? null;
}
