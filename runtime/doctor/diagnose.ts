import { checkDevices } from './check-devices.ts';
import { checkGateway } from './check-gateway.ts';
import { checkKernel } from './check-kernel.ts';
import { checkNetfilter } from './check-netfilter.ts';
import { checkNetwork } from './check-network.ts';
import type { Facts, Finding } from './facts.ts';

const CHECKS = [checkKernel, checkDevices, checkNetwork, checkNetfilter, checkGateway] as const;

/** Everything that there is to say about a machine, by area. Pure. */
export function diagnose(facts: Facts): Finding[] {
  return CHECKS.flatMap((check) => [...check(facts)]);
}

/** Something that breaks: packets get lost, or apply would be refused. */
export function isSick(findings: readonly Finding[]): boolean {
  return findings.some((one) => one.severity === 'error');
}
