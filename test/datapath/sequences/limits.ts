/** What the lines of a model limit, as the datapath without the runtime is told (datapath.ts). */
import { createHash } from 'node:crypto';
import { describeLines } from '../../../compiler/artifact/lines.ts';
import type { Digest } from '../../../compiler/artifact/manifest.ts';
import type { Model } from '../../../compiler/model.ts';
import { makeRate } from '../../../runtime/apply/lines.ts';
import type { LineSetup } from '../datapath.ts';

const digest: Digest = (data) => createHash('sha256').update(data).digest('hex');

export function listLines(model: Model): LineSetup[] {
  return describeLines(model, digest).map(({ tally, meter, ports, limits }, index) => {
    const rateOf = (perSource: boolean) => {
      const found = limits.find((one) => one.kind === 'rate' && one.perSource === perSource);
      if (found?.kind !== 'rate') return {};
      const { interval, tolerance } = makeRate(found);
      return { [perSource ? 'sourceRate' : 'rate']: [interval, tolerance] as const };
    };
    const countOf = (kind: 'flows' | 'ports', perSource: boolean): number => {
      const found = limits.find((one) => one.kind === kind && one.perSource === perSource);
      return found?.kind === kind ? found.count : 0;
    };
    return {
      ...{ rule: index + 1, tally, meter, ...rateOf(false), ...rateOf(true) },
      ...{ flows: countOf('flows', false), sourceFlows: countOf('flows', true) },
      ...(ports === 0 ? {} : { ports: { most: countOf('ports', true), number: ports } }),
    };
  });
}
