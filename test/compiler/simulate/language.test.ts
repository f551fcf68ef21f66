/** From the text of a gateway to what becomes of packets: the whole compiler but for its targets. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { type ExpectationResult, runExpectations } from '../../../compiler/simulate/expect.ts';

const test = suite('a file and its expectations');

const GATEWAY = `
gateway door {
  default deny
  reject tcp 23 to home
  deny from bad
}
interface wan = eth0
interface lan = eth1
interface dmz = eth2
network home = 192.168.1.0/24 on lan
network farm = 10.0.0.0/8 on dmz
host han  = 192.168.1.20
host yoda = 10.0.0.10
host bert = 10.9.0.1
set bad = 198.51.100.64/26 except 198.51.100.70
policy out from lan, dmz to wan { default allow }
policy between from lan to dmz {
  allow tcp 80, 443 to farm except bert
  reject to bert
  default deny
}
policy here from any to self {
  allow icmp echo-request
  allow tcp 22 from home except han
  default deny
}
masquerade hide {
  from home, farm except bert
  interface wan
  ports 61000-65095
}
redirect www {
  interface wan
  listen tcp 8000-8009 to yoda:9000-9009
  allow from any except 203.0.113.0/24
}
`;

function run(steps: string, gateway = GATEWAY): ExpectationResult {
  const text = `${gateway}expect "it" {\n${steps}\n}\n`;
  const { model, diagram, diagnostics } = compile('door.masq', () => ({ text }));
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  assert.equal(
    errors.map(({ message }) => message),
    [],
  );
  return runExpectations(model!, diagram!)[0]!;
}

function holds(...steps: string[]): void {
  const result = run(steps.join('\n'));
  assert.is(result.steps.length, steps.length);
  for (const { passed, packet, expected, happened, why } of result.steps) {
    assert.ok(passed, `${packet}: expected ${expected}, but ${happened}: ${why}`);
  }
}

test('lines of the gateway come first', () => {
  holds(
    'tcp from 198.51.100.65 on wan to wan:8000 is denied by door',
    'tcp from 198.51.100.70 on wan to wan:8000 is redirected by www',
    'tcp from yoda on dmz to han:23 is denied by door',
  );
});

test('exceptions are exceptions', () => {
  holds(
    'tcp from han on lan to yoda:80 is allowed by between',
    'tcp from han on lan to bert:80 is denied by between',
    'tcp from han on lan to lan:22 is denied by here',
    'tcp from 192.168.1.21 on lan to wan:22 is allowed by here',
    'tcp from 203.0.113.9 on wan to wan:8001 is denied by www',
  );
});

test('ports keep their place in a range', () => {
  holds('tcp from 192.0.2.1 on wan to wan:8004 is redirected by www to yoda:9004');
});

test('nobody leaves untranslated where a masquerade stands', () => {
  holds(
    'tcp from yoda on dmz to 192.0.2.1:80 is masqueraded by hide as wan',
    'tcp from bert on dmz to 192.0.2.1:80 is denied',
  );
  const { why } = run('tcp from bert on dmz to 192.0.2.1:80 is allowed').steps[0]!;
  assert.match(
    why,
    /^door\.masq:16 `default allow` lets it through, but its private source would leave wan unmasqueraded$/,
  );
});

test('a port that is kept is known, one that is drawn is not', () => {
  const step = 'udp from han:61500 on lan to 192.0.2.1:53 is masqueraded by hide as wan';
  holds(`${step}:61500`, step);
  const drawn = GATEWAY.replace('ports 61000-65095', 'ports 61000-65095 random');
  assert.ok(run(step, drawn).passed);
  const { passed, happened } = run(`${step}:61500`, drawn).steps[0]!;
  assert.not(passed);
  assert.match(happened, 'wan:61000-65095');
});

test('a pair without policy meets the default', () => {
  holds('tcp from yoda on dmz to han:80 is denied by door', 'udp from 192.0.2.1 on wan to han:53 is denied by door');
});

test('a failure names the line that decides', () => {
  const { passed, steps } = run('tcp from han on lan to bert:80 is allowed by between');
  assert.not(passed);
  const { diagnostic } = steps[0]!;
  assert.is(diagnostic!.span.file, 'door.masq');
  assert.is(
    diagnostic!.message,
    'tcp from 192.168.1.20 on lan to 10.9.0.1:80 is denied by between: door.masq:19 `reject to bert`',
  );
  assert.is(diagnostic!.expected, 'is allowed by between');
  assert.is(diagnostic!.related[0]!.span.line, 19);
});

test.run();
