/** `limit` and `wait` in the simulator, beside the datapath's meaning (test/datapath/limits.test.ts). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import { runExpectations } from '../../../compiler/simulate/expect.ts';
import { checkText, describe } from '../check/check-text.ts';

const test = suite('limits in expectations');

/** What happens to each step, for a gateway with this line and this masquerade. */
function run(line: string, steps: readonly string[], masquerade = ''): string[] {
  const text = `gateway g {
  default deny
  timeout udp 10s
}
interface wan = ppp0
interface lan = eth0
network home = 192.168.1.0/24, 2001:db8:1::/48 on lan
policy to-gateway from lan to self {
  allow tcp 22
  default deny
}
policy out from lan to wan {
  ${line}
  default allow
}
masquerade m {
  from 192.168.1.0/24
  interface wan
  ${masquerade}
}
expect "x" {
  ${steps.map((step) => (step.startsWith('wait') ? step : `${step} is allowed`)).join('\n  ')}
}
`;
  const { model, diagnostics } = checkText(text);
  assert.ok(model, describe(diagnostics));
  return runExpectations(model as never, buildPolicyDiagram(model as never)).flatMap((one) =>
    one.steps.map(({ happened }) => happened.replace(/ as .*/, '').replace('is ', '')),
  );
}
const from = (host: number, port = '') => `udp from 192.168.1.${host}${port} on lan to 192.0.2.53:53`;
const OUT = 'masqueraded by m';
const OVER = 'denied by out';

test('a rate gives its burst, then one at a time', () => {
  const steps = [...Array(4).fill(from(1)), 'wait 6s', from(1), from(2), 'wait 1h', ...Array(4).fill(from(2))];
  const happened = run('allow udp 53 limit 10/minute burst 3', steps);
  assert.equal(happened, [OUT, OUT, OUT, OVER, OUT, OVER, OUT, OUT, OUT, OVER]);
});

test('per source each host has its own', () => {
  const happened = run('allow udp 53 limit 1/hour burst 1 per source', [from(1), from(1), from(2), from(2)]);
  assert.equal(happened, [OUT, OVER, OUT, OVER]);
});

test('an IPv6 source is its /64', () => {
  const six = (net: number, host: number) => `udp from [2001:db8:1:${net}::${host}] on lan to [2001:db8:99::1]:53`;
  const happened = run('allow udp 53 limit 1/hour burst 1 per source', [six(1, 1), six(1, 2), six(2, 1)]);
  assert.equal(happened, ['allowed by out', OVER, 'allowed by out']);
});

test('live flows end by their timeout, unless they go on', () => {
  const steps = [
    from(1, ':1000'),
    from(1, ':1001'),
    from(1, ':1002'),
    'wait 6s',
    from(1, ':1000'),
    'wait 6s',
    from(1),
    from(1),
  ];
  const happened = run('allow udp 53 limit 2 flows', steps);
  assert.equal(happened, [OUT, OUT, OVER, OUT, OUT, OVER]);
});

test('the limit of a masquerade denies, too, and takes no token of the line', () => {
  const line = 'allow udp 53 limit 1/hour burst 2';
  const steps = [from(1), from(1), 'wait 11s', from(1), 'wait 11s', from(1)];
  assert.equal(run(line, steps, 'limit 1 flows per source'), [OUT, 'denied by m', OUT, OVER]);
});

test('ports are counted once for each inside socket, whatever it talks to, and for each flow without mappings', () => {
  const line = 'allow udp 53, icmp echo-request';
  const OVER_M = 'denied by m';
  const to = (port: string, host: number) => `udp from 192.168.1.1${port} on lan to 192.0.2.${host}:53`;
  const ping = 'icmp echo-request from 192.168.1.1 on lan to 192.0.2.1';
  const steps = [to(':1000', 1), to(':1000', 2), to(':1001', 1), to(':1002', 1), to(':1001', 3), ping, from(2)];
  const happened = run(line, [...steps, 'wait 11s', to(':1002', 1), ping, ping], 'limit 2 ports per source');
  assert.equal(happened, [OUT, OUT, OUT, OVER_M, OUT, OVER_M, OUT, OUT, OUT, OVER_M]);
  const paired = 'limit 2 ports per source\n  mapping address-and-port-dependent';
  assert.equal(run(line, steps.slice(0, 4), paired), [OUT, OUT, OVER_M, OVER_M]);
});

test('what has no port is not limited by ports', () => {
  const gre = 'gre from 192.168.1.1 on lan to 192.0.2.1';
  const happened = run('allow gre, udp 53', [from(1), gre, gre, from(1)], 'limit 1 ports per source');
  assert.equal(happened, [OUT, OUT, OUT, 'denied by m']);
});

test('the steps of an expectation are a sequence: answers follow, until their time is over', () => {
  const answer = 'udp from 192.0.2.53:53 on wan to wan:30000';
  const steps = [answer, from(1, ':30000'), answer, 'wait 9s', answer, 'wait 11s', answer];
  const follows = 'allowed by out to 192.168.1.1:30000';
  assert.equal(run('allow udp 53', steps), ['denied by g', OUT, follows, follows, 'denied by g']);
});

test('each expectation begins with full buckets', () => {
  const line = 'allow udp 53 limit 1/hour burst 1';
  const twice = [from(1), `${from(2)} is denied by out\n}\nexpect "y" {\n  ${from(3)}`];
  const happened = run(line, [twice[0] as string, twice[1] as string]);
  assert.equal(happened, [OUT, OVER, OUT]);
});

test.run();
