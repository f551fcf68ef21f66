import type { Namespace } from './namespace.ts';

/** Datagrams of both families that hosts themselves have thrown away, because their programs were too slow to read them. */
export async function countOverruns(hosts: readonly Namespace[]): Promise<number> {
  const counts = hosts.map(async (host) => {
    const [heads = '', values = ''] = (await host.ask('grep', '^Udp:', '/proc/net/snmp')).split('\n');
    const [, six = '0'] = (await host.ask('grep', 'Udp6RcvbufErrors', '/proc/net/snmp6')).trim().split(/\s+/);
    return Number(values.split(' ')[heads.split(' ').indexOf('RcvbufErrors')]) + Number(six);
  });
  return (await Promise.all(counts)).reduce((sum, one) => sum + one, 0);
}
