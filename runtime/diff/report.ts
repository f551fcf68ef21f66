/** A comparison as all formats show it: differences by the lines that make them, what opens first. */

import type { Declared } from '../../compiler/check/check.ts';
import { CHANGES, type Change, type Comparison } from '../../compiler/diff/diff.ts';
import type { Side } from '../../compiler/diff/journey.ts';
import type { Setting } from '../../compiler/diff/settings.ts';
import { namesOf } from './names.ts';
import { describeAnswer, describeBox, describeWitness, type Place, placeOf } from './words.ts';

export interface Finding {
  readonly change: Change;
  /** Sets of packets, each in a line. */
  readonly packets: readonly string[];
  /** null: unsure, for only the machine knows what is in its tables. */
  readonly witness: string | null;
  readonly before: Said;
  readonly after: Said;
}
export interface Said {
  readonly answer: string;
  /** null: no line of the file says so. */
  readonly place: Place | null;
}

type Named = Side & { readonly declared: Declared };

export interface Report {
  readonly same: boolean;
  readonly files: { readonly before: string; readonly after: string };
  readonly findings: readonly Finding[];
  readonly settings: readonly Setting[];
  readonly bound: string | null;
}

export function makeReport(
  comparison: Comparison,
  [a, b]: readonly [Named, Named],
  files: Report['files'],
  revision = '',
): Report {
  const names = namesOf([a.declared, b.declared]);
  const groups = new Map<string, Finding & { packets: string[] }>();
  for (const difference of comparison.differences) {
    const { change, box, witness, before, after } = difference;
    const said = {
      change,
      before: {
        answer: describeAnswer(before, after),
        place: prefixed(revision, placeOf(a.model, difference, 'before')),
      },
      after: { answer: describeAnswer(after, before), place: placeOf(b.model, difference, 'after') },
    };
    const shown = witness === null ? null : describeWitness(witness, comparison);
    const key = JSON.stringify([said, shown === null]);
    const packets = describeBox(box, comparison, names);
    const group = groups.get(key);
    if (group) group.packets.push(packets);
    else groups.set(key, { ...said, packets: [packets], witness: shown });
  }
  const findings = [...groups.values()].sort((x, y) => CHANGES.indexOf(x.change) - CHANGES.indexOf(y.change));
  const { settings, bound } = comparison;
  return { same: findings.length === 0 && settings.length === 0 && bound === null, files, findings, settings, bound };
}

/** A line of a revision is none of the file that stands there now. */
function prefixed(revision: string, place: Place | null): Place | null {
  return place === null || revision === '' ? place : { ...place, file: `${revision}:${place.file}` };
}
