/** What a story tells, and that it is true: the lines that are said not to take a packet are all those before the one that did. */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { surroundingsOf } from '../../../compiler/simulate/decide.ts';
import { Gateway } from '../../../compiler/simulate/gateway.ts';
import { listOverlooked, whyNot } from '../../../compiler/simulate/overlooked.ts';
import { tellStories } from '../../../compiler/simulate/story.ts';
import { listPackets } from '../../../compiler/simulate/variants.ts';
import { describeOutcome } from '../../../compiler/simulate/words.ts';
import { readSource } from '../../../runtime/sources/read-source.ts';

const test = suite('stories of packets');
const EXAMPLES = new URL('../../../examples/', import.meta.url);
const FILES = readdirSync(EXAMPLES).filter((name) => name.endsWith('.masq'));

function load(name: string, more = '') {
  const path = new URL(name, EXAMPLES).pathname;
  const read = (file: string) =>
    file === path ? { text: `${readFileSync(path, 'utf8')}\n${more}` } : readSource(file);
  const { model, diagram, diagnostics } = compile(path, read);
  assert.ok(model && diagram, JSON.stringify(diagnostics));
  return { model, diagram };
}

for (const name of FILES) {
  test(`${name}: every line before the one that decides has a reason, and that one has none`, () => {
    const { model, diagram } = load(name);
    const around = surroundingsOf(model, diagram);
    const steps = model.expectations.flatMap((one) => one.steps).flatMap((step) => ('waitMs' in step ? [] : [step]));
    let asked = 0;
    for (const step of steps) {
      const ports = step.toPort === null ? [null] : [step.toPort, 22, 25, 53, 80, 443, 3389, 6000, 50_000];
      for (const toPort of ports) {
        for (const packet of listPackets(model, diagram, { ...step, toPort })) {
          for (const { decision } of new Gateway(model, diagram, around).look(packet)) {
            const blocks = [model.gateway, ...model.policies];
            const block = blocks.find((one) => [...one.rules, one.default].some(({ id }) => id === decision.rule));
            if (!block) continue;
            const at = block.rules.findIndex(({ id }) => id === decision.rule);
            const before = at < 0 ? block.rules : block.rules.slice(0, at);
            const found = listOverlooked(model, around, packet, decision);
            assert.equal(
              found.map(({ rule }) => rule),
              before.map(({ id }) => id),
              `${decision.rule} ${JSON.stringify(step.span)}`,
            );
            const inner = decision.becomes ? { ...packet, to: decision.becomes.machine } : packet;
            if (at >= 0) assert.is(whyNot(model, around, block.rules[at]!, inner, decision.out), null);
            asked++;
          }
        }
      }
    }
    if (model.policies.length > 0 && steps.length > 0) assert.ok(asked > 0);
  });
}

function tell(...sentences: string[]) {
  const lines = sentences.map((text) => (text.startsWith('wait') ? text : `${text} is denied`));
  const { model, diagram } = load('deathstar.masq', `expect "x" {\n${lines.join('\n')}\n}\n`);
  const stories = tellStories(model, diagram, model.expectations.at(-1)!.steps).flat();
  const say = (one: { readonly decision: never } | null) => one && describeOutcome(model, one.decision);
  return stories.map((story) => ({
    outcome: describeOutcome(model, story.decision),
    why: story.overlooked.map(({ why }) => why),
    answer: say(story.answer as never),
    hairpin: say(story.hairpin as never),
    filtering: story.filtering,
  }));
}

test('a masqueraded packet: answer, filtering and hairpin', () => {
  const [story] = tell('tcp from han:61500 on lan to 192.0.2.80:80');
  assert.equal(story, {
    outcome: 'is masqueraded by home-out as wan:61500',
    why: ['it asks for port 25'],
    answer: 'is allowed by lan-out to 192.168.1.20:61500',
    hairpin: 'is redirected by home-out as wan:61000-65095 to 192.168.1.20:61500',
    filtering: 'address-dependent',
  });
});

test('a redirected packet is answered by whom it asked; a denied one has no sequel', () => {
  const [web, ssh] = tell('tcp from 198.51.100.9 on wan to wan:80', 'tcp from 198.51.100.9 on wan to han:22');
  assert.is(web?.answer, 'is allowed by www as wan:80');
  assert.is(web?.hairpin, 'is redirected by www as wan to 192.168.2.10:80');
  assert.equal([ssh?.answer, ssh?.hairpin, ssh?.filtering], [null, null, null]);
});

test('a ping is answered by its identifier', () => {
  const [ping] = tell('icmp from han on lan to 192.0.2.80');
  assert.match(ping?.outcome ?? '', /masqueraded/);
  assert.match(ping?.answer ?? '', /^is allowed/);
});

test('sentences are a sequence', () => {
  const there = 'udp from han:61500 on lan to 192.0.2.53:53';
  const back = 'udp from 192.0.2.53:53 on wan to wan:61500';
  const outcomes = tell(back, there, back, 'wait 3h', back).map(({ outcome }) => outcome.split(' ')[1]);
  assert.equal(outcomes, ['denied', 'masqueraded', 'allowed', 'denied']);
});

test.run();
