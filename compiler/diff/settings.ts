/** What of two files differs outside of what becomes of first packets. */
import { formatSet } from '../addresses.ts';
import type { Model } from '../model.ts';

export interface Setting {
  /** `flows`, `timeout tcp`, `interface wan: device`. */
  readonly name: string;
  /** null: not there. */
  readonly before: string | null;
  readonly after: string | null;
}

export function compareSettings(a: Model, b: Model): Setting[] {
  const [before, after] = [listSettings(a), listSettings(b)];
  const both = (name: string) => before.has(name) && after.has(name);
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    if (/: (mss|xdp)$/.test(name) && !both(name)) return [];
    const setting = { name, before: before.get(name) ?? null, after: after.get(name) ?? null };
    return setting.before === setting.after ? [] : [setting];
  });
}

function listSettings({ gateway, interfaces }: Model): Map<string, string> {
  const settings = new Map<string, string>([
    ['gateway', gateway.name],
    ['datapath', gateway.datapath],
    ['flows', `${gateway.flows}`],
    ['established', gateway.established],
    ['account', formatSet(gateway.account, Number.POSITIVE_INFINITY)],
  ]);
  for (const [name, ms] of Object.entries(gateway.timeouts)) settings.set(`timeout ${name}`, `${ms / 1000}s`);
  for (const { name, device, mss, xdp } of interfaces) {
    settings.set(`interface ${name}: device`, device);
    settings.set(`interface ${name}: mss`, mss === null ? 'as it is' : `${mss}`);
    settings.set(`interface ${name}: xdp`, xdp ? 'on' : 'off');
  }
  return settings;
}
