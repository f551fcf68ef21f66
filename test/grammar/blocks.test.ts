import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expectErrors, expectMended, linesOf, read, shape, shapesOf } from './read.ts';

const test = suite('blocks');
const name = (text: string) => ({ kind: 'name', name: { text } });
const addresses = (...items: unknown[]) => ({ items, except: [] });
const any = { kind: 'any' };

test('a policy has places, rules and a default', () => {
  const text = `policy p from lan, any except dmz to wan, self {
    allow
    deny web, tcp 25 from home to yoda, any limit 10/minute burst 5 per source log "x" 1/second
    reject limit 20 flows
    default deny log
  }`;
  const none = { what: null, from: null, to: null, limit: null, log: null };
  const tcp25 = { kind: 'ports', protocol: 'tcp', ports: { first: 25, last: 25 } };
  assert.equal(shapesOf(text), [
    {
      kind: 'policy',
      name: { text: 'p' },
      from: { items: [name('lan'), any], except: [{ text: 'dmz' }] },
      to: { items: [name('wan'), { kind: 'self' }], except: [] },
      rules: [
        { kind: 'rule', action: 'allow', ...none },
        {
          kind: 'rule',
          action: 'deny',
          what: { items: [{ kind: 'service', name: { text: 'web' } }, tcp25] },
          from: addresses(name('home')),
          to: addresses(name('yoda'), any),
          limit: {
            of: { kind: 'rate', rate: { count: 10, perMs: 60_000 }, burst: { value: 5 } },
            perSource: true,
          },
          log: { label: { value: 'x' }, rate: { count: 1, perMs: 1000 } },
        },
        {
          kind: 'rule',
          action: 'reject',
          ...none,
          limit: { of: { kind: 'flows', count: { value: 20 } }, perSource: false },
        },
      ],
      default: { action: 'deny', log: { label: null, rate: null } },
    },
  ]);
});
test('a policy without default is left to the checker, one with more after it is not', () => {
  assert.is((shapesOf('policy p from a to b {\n}')[0] as { default: unknown }).default, null);
  const [error] = expectErrors('policy p from a to b {\ndefault deny\nallow tcp 80\n}', 'MQ125 3 allow tcp 80');
  assert.is(error!.related[0]!.span.line, 2);
  expectErrors('policy p from a to b {\ndefault deny\ndefault deny\n}', 'MQ125 3 default deny');
});
test('`default masquerade` in a policy says why it is wrong', () => {
  const [error] = expectErrors('policy p from a to b {\ndefault masquerade\n}', 'MQ126 2 masquerade');
  assert.match(error!.message, 'not whether it may');
});
test('masquerade', () => {
  const text = `masquerade m {\nfrom home\ninterface wan, wan2\naddress 192.0.2.1\nfamily ipv4\nports 1024-2048
    share 100 ports per source\nmapping endpoint-independent\nfiltering x\nrefresh y\nlimit 5 ports per source\ntimeout udp 1m\nhelper ftp, irc\nlog\n}`;
  assert.equal(
    (linesOf(text) as { kind: string }[]).map(({ kind }) => kind),
    'from interface address family ports share mapping filtering refresh limit timeout helper log'.split(' '),
  );
  assert.equal((linesOf(text) as unknown[]).slice(4, 7), [
    { kind: 'ports', ports: { first: 1024, last: 2048 }, choice: null },
    { kind: 'share', count: { value: 100 } },
    { kind: 'mapping', word: { text: 'endpoint-independent' } },
  ]);
});
test('`ports` of a masquerade: a range, how one is chosen, or both', () => {
  assert.equal(linesOf('masquerade m {\nports random\nports 5 keep\n}'), [
    { kind: 'ports', ports: null, choice: { text: 'random' } },
    { kind: 'ports', ports: { first: 5, last: 5 }, choice: { text: 'keep' } },
  ]);
});
test('redirect', () => {
  const text = `redirect r {\nlisten tcp 80, udp 53 to yoda:8080 weight 3, [::1]\nallow from any except x\nbalance maglev
    check http "/x" every 2s fall 3 rise 2\ncheck tcp every 1s\ndrain 30s\n}`;
  const port = (protocol: string, first: number) => ({ kind: 'ports', protocol, ports: { first, last: first } });
  const localhost = { kind: 'address', form: 'address', family: 6, first: '0x1', last: '0x1', text: '[::1]' };
  assert.equal(linesOf(text), [
    {
      kind: 'listen',
      what: { items: [port('tcp', 80), port('udp', 53)] },
      to: [
        { endpoint: { machine: name('yoda'), ports: { first: 8080, last: 8080 } }, weight: { value: 3 } },
        { endpoint: { machine: localhost, ports: null }, weight: null },
      ],
    },
    { kind: 'allow-from', addresses: { items: [any], except: [name('x')] } },
    { kind: 'balance', word: { text: 'maglev' } },
    {
      kind: 'check',
      check: {
        probe: { kind: 'http', path: { value: '/x' } },
        every: { ms: 2000 },
        fall: { value: 3 },
        rise: { value: 2 },
      },
    },
    { kind: 'check', check: { probe: { kind: 'tcp' }, every: { ms: 1000 }, fall: null, rise: null } },
    { kind: 'drain', time: { ms: 30_000 } },
  ]);
});
test('autofw and map', () => {
  const tcp = { items: [{ kind: 'ports', protocol: 'tcp', ports: { first: 1, last: 1 } }] };
  assert.equal(
    linesOf(
      'autofw a {\ncontrol tcp 1\nopen tcp 1 from contacted\nopen tcp 1 from any\nopen tcp 1\nhold 5m\nowner last\n}',
    ),
    [
      { kind: 'control', what: tcp },
      { kind: 'open', what: tcp, from: 'contacted' },
      { kind: 'open', what: tcp, from: 'any' },
      { kind: 'open', what: tcp, from: null },
      { kind: 'hold', time: { ms: 300_000 } },
      { kind: 'owner', word: { text: 'last' } },
    ],
  );
  assert.equal(
    (linesOf('map m {\ninside 10.0.0.0/24\noutside 10.1.0.0/24\n}') as { kind: string }[]).map(({ kind }) => kind),
    ['inside', 'outside'],
  );
});
test('expect', () => {
  const text = `expect "x" {\nwait 5m\nicmp echo-request from a on lan to b is denied
    udp from a:1 on lan to b:2-3 is redirected by r as wan:4 to self:5\n}`;
  const end = (machine: unknown, port: number | null, last = port) => ({
    machine,
    ports: port === null ? null : { first: port, last },
  });
  const rest = { by: null, as: null, becomes: null };
  assert.equal(linesOf(text), [
    { kind: 'wait', time: { ms: 300_000 } },
    {
      kind: 'packet',
      protocol: { text: 'icmp' },
      icmpType: { text: 'echo-request' },
      from: end(name('a'), null),
      on: { text: 'lan' },
      to: end(name('b'), null),
      outcome: 'denied',
      ...rest,
    },
    {
      kind: 'packet',
      protocol: { text: 'udp' },
      icmpType: null,
      from: end(name('a'), 1),
      on: { text: 'lan' },
      to: end(name('b'), 2, 3),
      outcome: 'redirected',
      by: { text: 'r' },
      as: end(name('wan'), 4),
      becomes: end({ kind: 'self' }, 5),
    },
  ]);
});
test('a block word in the first column closes a block left open, and says which', () => {
  const text = 'gateway g {\n  default deny\n\nzone a = b\n';
  const [error] = expectErrors(text, 'MQ121 4 zone');
  assert.match(error!.message, '`gateway g`');
  assert.is(error!.related[0]!.span.line, 1);
  assert.equal(
    read(text).declarations.map(({ kind }) => kind),
    ['gateway', 'zone'],
  );
  expectMended('masquerade m {\nfrom a\nmap x {\n}', 'MQ121 3 map', 'masquerade m {\nfrom a\n}\nmap x {\n}');
});
test('the end of the file closes it too', () => {
  const [error] = expectErrors('gateway g {\n  default deny # x\n', 'MQ121 2');
  assert.is(error!.span.column, 15);
  expectErrors('gateway g {', 'MQ121 1');
});
test('`interface` in a block is a property, with `=` it is a declaration', () => {
  shapesOf('masquerade m {\ninterface wan\n}');
  expectErrors('masquerade m {\ninterface wan = eth0', 'MQ121 2 interface');
});
test('a block begins on the line that names it', () => {
  const text = 'policy p from a to b\n{\n  default deny\n}\nzone a = b';
  expectErrors(text, 'MQ120 1');
  assert.equal(
    read(text).declarations.map(({ kind }) => kind),
    ['policy', 'zone'],
  );
  expectMended('gateway g\n  default deny\n}', 'MQ120 1', 'gateway g {\n  default deny\n}');
});
test('a missing `{` before another declaration is one error', () => {
  expectErrors('gateway g\nzone a = b', 'MQ120 1');
});
test('a lone brace', () => {
  expectMended('zone a = b\n}\n', 'MQ122 2 }', 'zone a = b\n\n');
  expectErrors('{\nzone nonsense\n}\nzone a = b', 'MQ123 1 {', 'MQ121 2 zone', 'MQ122 3 }');
  expectErrors('zone a = b {\n  x y z\n}', 'MQ123 1 {');
  expectErrors('gateway g {\n  default deny {\n    foo\n  }\n  flows 1\n}', 'MQ123 2 {');
});
test('nothing follows a closing brace on its line', () => {
  expectMended('gateway g { default deny } zone a = b', 'MQ124 1 zone', 'gateway g { default deny } \nzone a = b');
});
test('a sentence that was not understood is left out, its name is kept', () => {
  const text = 'host a = 1.2.3.400\nhost b = 1.2.3.4\nmasquerade m {\n  from home\n  interfce wan\n}\n';
  const { declarations, broken } = read(text);
  assert.equal(
    broken.map((one) => one.text),
    ['a'],
  );
  assert.equal(
    declarations.map(({ kind }) => kind),
    ['host', 'masquerade'],
  );
  const block = declarations[1] as { incomplete: boolean };
  assert.ok(block.incomplete);
  assert.equal((shape(block) as { properties: unknown[] }).properties.length, 1);
});
test('a block that was understood is complete', () => {
  const { declarations } = read('gateway g { default deny }\nexpect "x" {\n}');
  for (const one of declarations) assert.not.ok((one as { incomplete: boolean }).incomplete);
});
test('the lines of a block with a broken head are still read', () => {
  expectErrors('policy p form a to b {\n  alow tcp 80\n  default deny\n}', 'MQ106 1 form', 'MQ101 2 alow');
  expectErrors('netwrk n {\n  alow tcp 80\n}', 'MQ101 1 netwrk');
  expectErrors('polcy p from a to b {\n  alow tcp 80\n  default deny\n}', 'MQ101 1 polcy', 'MQ101 2 alow');
});

test.run();
