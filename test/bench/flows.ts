/** The flows that traffic.bpf.c generates: flow number n comes from host n % HOSTS, port PORT0 + n % PORTS. */
export const LAN_HOST0 = 0xc0a8010a; // 192.168.1.10
export const WAN_HOST0 = 0xcb00710a; // 203.0.113.10
export const HOSTS = 200;
export const PORT0 = 1024;
export const PORTS = 60_000;
export const SERVICE = 9000;
export const ALL_FLOWS = HOSTS * PORTS;

/** From one packet's flow to the next: far enough that neighbours in time are not neighbours in memory. */
export function stepOf(flows: number): number {
  if (flows === ALL_FLOWS) return 1;
  if (flows > 40_000) return 38_603;
  if (flows > 400) return 387;
  return flows > 1 ? 1 : 0;
}
