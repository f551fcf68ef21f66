import { describeStep } from '../plan/render.ts';
import type { Facts, Finding } from './facts.ts';

const AREA = { area: 'gateway' } as const;

export function* checkGateway({ snapshot, plan, status, since, wanted }: Facts): Generator<Finding> {
  if (snapshot === null) return;
  for (const { text, advice } of plan?.obstacles ?? []) {
    yield { ...AREA, id: 'obstacle', severity: 'error', text, why: 'apply would be refused.', mend: advice };
  }
  if (snapshot.state === null || snapshot.state.generation === 0) {
    yield { ...AREA, id: 'not-applied', severity: 'note', text: 'No gateway is applied here.', why: '', mend: null };
    return;
  }
  for (const text of status) yield { ...AREA, id: 'status', severity: 'warning', text, why: '', mend: null };
  if (!snapshot.bpffsMounted) {
    yield {
      ...AREA,
      id: 'bpffs',
      severity: 'error',
      text: 'The bpffs at /run/masqc/bpf is gone, and with it what keeps the tables.',
      why: 'The programs are gone, and the guard shuts.',
      mend: 'masqc down && masqc apply FILE',
    };
  }
  const steps = plan?.steps ?? [];
  if (steps.length > 0) {
    const first = steps.slice(0, 3).map((step) => describeStep(step).text);
    yield {
      ...AREA,
      id: 'drift',
      severity: 'warning',
      text: `The machine is not as ${wanted?.gateway ?? 'the file'} says (applied ${since ?? 'at some time'}): ${first.join('; ')}${steps.length > 3 ? `, and ${steps.length - 3} more` : ''}.`,
      why: '',
      mend: 'masqc attach, or masqc apply FILE; masqc plan FILE says more',
    };
  } else if (plan !== null && plan.obstacles.length === 0) {
    yield {
      ...AREA,
      id: 'applied',
      severity: 'fine',
      text: `${snapshot.state.gateway}, generation ${snapshot.state.generation}, as applied ${since ?? ''}`.trimEnd(),
      why: '',
      mend: null,
    };
  }
}
