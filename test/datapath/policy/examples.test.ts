/** Every file of examples/: the kernel takes its policy, which decides the packets of the file's expectations as the simulator does. */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { walk } from '../../../compiler/diagram/walk.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import type { ExpectedPacket, Model } from '../../../compiler/model.ts';
import { listPackets } from '../../../compiler/simulate/variants.ts';
import { needs } from '../../lab/skip.ts';
import { PolicyInKernel } from './policy-in-kernel.ts';

needs('linux', 'root', 'btf');

const folder = new URL('../../../examples/', import.meta.url);
const read = (path: string) => ({ text: readFileSync(new URL(path, folder), 'utf8') });
const VERDICTS = { continue: 0, deny: 2, reject: 3, redirect: 4, forged: 5, map: 7 } as const;
const test = suite('the policies of the examples');
const kernel = new PolicyInKernel();
test.after(() => kernel.close());

const isPacket = (step: object): step is ExpectedPacket => 'outcome' in step;
const expected = ({ expectations }: Model) => expectations.flatMap(({ steps }) => steps.filter(isPacket));

for (const name of readdirSync(folder).filter((one) => one.endsWith('.masq'))) {
  test(name, async () => {
    const { model, diagram, sources } = compile(name, read);
    if (model === null) throw new Error('it has errors');
    kernel.load(emitPolicy(model, diagram, kernel.layout, sources));
    // IPv4 between addresses that the file names: those that a machine gives are asked in the laboratory.
    const asked = expected(model)
      .flatMap((step) => listPackets(model, diagram, step).slice(0, 8))
      .flatMap(({ family, protocol, in: at, from, to, dport }) => {
        if (family !== 4 || from.kind !== 'address' || to.kind === 'self') return [];
        const own = to.kind === 'own' ? to.interface : 0;
        const daddr = to.kind === 'address' ? Number(to.address) : 0xf0000001 + own * 0x10000;
        return [{ family, in: at, own, protocol, dport, saddr: Number(from.address), daddr }];
      });
    assert.ok(asked.length > 0 || name === 'nptv6.masq');
    const answers = kernel.ask(
      'ingress',
      asked.map(({ saddr, daddr, ...rest }) => {
        return { ...rest, saddr: [saddr, 0, 0, 0], daddr: [daddr, 0, 0, 0] };
      }),
    );
    for (const [index, { saddr, daddr, ...rest }] of asked.entries()) {
      const numbers = Object.entries({ ...rest, saddr4: saddr, daddr4: daddr }).map(([key, value]) => [
        key,
        BigInt(value),
      ]);
      const leaf = walk(diagram.ingress, Object.fromEntries(numbers));
      assert.is(answers[index]?.verdict, VERDICTS[leaf.verdict], `packet ${index}`);
      if ('rule' in leaf) assert.is(answers[index]?.rule, leaf.rule, `packet ${index}`);
    }
  });
}

test.run();
