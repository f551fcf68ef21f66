import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expectErrors, expectMended } from './read.ts';

const test = suite('hints');
const policy = (line: string) => `policy p from a to b {\n${line}\ndefault deny\n}`;
const redirect = (line: string) => `redirect r {\n${line}\n}`;
const expectation = (line: string) => `expect "x" {\n${line}\n}`;

test('a misspelt first word names the block, and what was meant', () => {
  const text = redirect('lisen tcp 80 to yoda');
  const [error] = expectErrors(text, 'MQ101 2 lisen');
  assert.is(error!.message, 'no sentence of a `redirect` starts with `lisen`');
  assert.is(error!.fixes[0]!.title, 'did you mean `listen`?');
  expectMended(text, 'MQ101 2 lisen', redirect('listen tcp 80 to yoda'));
  expectMended('interfce wan = ppp0', 'MQ101 1 interfce', 'interface wan = ppp0');
  expectMended(policy('alow tcp 80'), 'MQ101 2 alow', policy('allow tcp 80'));
  expectMended('Gateway g {\n}', 'MQ101 1 Gateway', 'gateway g {\n}');
});
test('a word that means nothing gets the list, and no guess', () => {
  const [error] = expectErrors(redirect('nonsense tcp'), 'MQ101 2 nonsense');
  assert.equal(error!.fixes, []);
  assert.match(error!.expected!, '`listen`');
});
test('a word of another block is shown its place', () => {
  const [error] = expectErrors('listen tcp 80 to yoda', 'MQ101 1 listen');
  assert.is(error!.expected, '`listen` in the block of `redirect`');
});
test('a lost first word is named where only one fits', () => {
  expectMended(redirect('tcp 80 to yoda'), 'MQ101 2 tcp', redirect('listen tcp 80 to yoda'));
  const [error] = expectErrors(policy('tcp 80'), 'MQ101 2 tcp');
  assert.is(error!.expected, '`allow`, `deny` or `reject` before `tcp`');
});
test('words of other languages', () => {
  expectMended(policy('accept tcp 80'), 'MQ107 2 accept', policy('allow tcp 80'));
  expectMended(policy('drop tcp 80'), 'MQ107 2 drop', policy('deny tcp 80'));
  expectMended(policy('allow tcp 80 src home'), 'MQ107 2 src', policy('allow tcp 80 from home'));
  expectMended(redirect('listen tcp 80 -> yoda'), 'MQ006 2 ->', redirect('listen tcp 80 to yoda'));
  expectMended(
    expectation('tcp from a on b to c is dropped'),
    'MQ107 2 dropped',
    expectation('tcp from a on b to c is denied'),
  );
});
test('misspelt words within a sentence', () => {
  expectMended(policy('allow tcp 80 form home'), 'MQ106 2 form', policy('allow tcp 80 from home'));
  expectMended(policy('allow form home'), 'MQ106 2 form', policy('allow from home'));
  expectMended('network n = 10.0.0.0/8 no lan', 'MQ106 1 no', 'network n = 10.0.0.0/8 on lan');
  expectMended(
    expectation('tcp from a on b to c is alowed'),
    'MQ106 2 alowed',
    expectation('tcp from a on b to c is allowed'),
  );
  expectMended(policy('allow tcp 80 limit 10 flow'), 'MQ106 2 flow', policy('allow tcp 80 limit 10 flows'));
});
test('a missing comma', () => {
  expectMended(policy('allow from home servers'), 'MQ104 2 servers', policy('allow from home, servers'));
  expectMended('service s = tcp 80 443', 'MQ104 1 443', 'service s = tcp 80, 443');
  expectMended('masquerade m {\nhelper ftp irc\n}', 'MQ104 2 irc', 'masquerade m {\nhelper ftp, irc\n}');
  expectMended(redirect('listen tcp 1 to a:1 b:1'), 'MQ104 2 b', redirect('listen tcp 1 to a:1, b:1'));
});
test('a missing comma at the end of a line', () => {
  expectMended('set s = 10.0.0.0/8\n  10.1.2.3\n', 'MQ104 1', 'set s = 10.0.0.0/8,\n  10.1.2.3\n');
});
test('a comma too many', () => {
  expectMended('zone a = b,', 'MQ103 1 ,', 'zone a = b');
  expectMended('zone a = b,, c', 'MQ117 1 ,', 'zone a = b, c');
  expectMended('zone a = b,\nhost c = 10.0.0.1', 'MQ103 1 ,', 'zone a = b\nhost c = 10.0.0.1');
  expectMended(
    'masquerade m {\n  from a,\n  interface b\n}',
    'MQ103 2 ,',
    'masquerade m {\n  from a\n  interface b\n}',
  );
});
test('a sentence broken over two lines', () => {
  const [error] = expectErrors(policy('  allow tcp 22\n     from han'), 'MQ116 3 from');
  assert.is(error!.related[0]!.span.line, 2);
});
test('clauses in the wrong order', () => {
  expectMended(policy('allow from a tcp 80'), 'MQ105 2 tcp', policy('allow tcp 80 from a'));
  expectMended(
    policy('allow log to b limit 5/second from a, c'),
    'MQ105 2 to',
    policy('allow from a, c to b limit 5/second log'),
  );
  expectMended('policy p to a from b {\ndefault deny\n}', 'MQ105 1 to', 'policy p from b to a {\ndefault deny\n}');
  const [error] = expectErrors(policy('allow to b from a'), 'MQ105 2 from');
  assert.is(error!.message, '`from` belongs before `to`');
});
test('a clause said twice', () => {
  expectErrors(policy('allow from a from b'), 'MQ108 2 from');
  expectErrors(policy('allow tcp 80 from b log log'), 'MQ108 2 log');
});
test('one missing word', () => {
  expectMended(redirect('listen tcp 80 yoda:80'), 'MQ113 2 yoda', redirect('listen tcp 80 to yoda:80'));
  expectMended('policy p from a b {\ndefault deny\n}', 'MQ113 1 b', 'policy p from a to b {\ndefault deny\n}');
  expectMended(expectation('tcp a on b to c is denied'), 'MQ113 2 a', expectation('tcp from a on b to c is denied'));
  expectMended(redirect('check tcp 2s'), 'MQ113 2 2s', redirect('check tcp every 2s'));
});
test('something too many', () => {
  expectMended('zone a = = b', 'MQ102 1 =', 'zone a =  b');
  expectMended('gateway g {\ndatapath ebpf nftables\n}', 'MQ102 2 nftables', 'gateway g {\ndatapath ebpf \n}');
});
test('a sentence that ends too early', () => {
  const [error] = expectErrors('policy p from a {\ndefault deny\n}', 'MQ103 1 {');
  assert.match(error!.expected!, '`to`');
  expectErrors('policy p from a\n', 'MQ103 1');
});
test('a path needs quotes', () => {
  expectMended(redirect('check http /health every 2s'), 'MQ006 2 /health', redirect('check http "/health" every 2s'));
});
test('exceptions, variables and lists of other languages', () => {
  for (const [line, word] of [
    ['allow from !home', '!home'],
    ['allow from $home', '$home'],
    ['allow from a && b', '&&'],
  ] as const) {
    const [error] = expectErrors(policy(line), `MQ006 2 ${word}`);
    assert.ok(error!.message.length > `\`${word}\` means nothing here`.length);
  }
});

test('two sentences on a line', () => {
  expectMended('masquerade m { from a interface b }', 'MQ124 1 interface', 'masquerade m { from a \ninterface b }');
  expectMended('zone a = b zone c = d', 'MQ124 1 zone', 'zone a = b \nzone c = d');
});
test('a comma with nothing after it', () => {
  expectMended(policy('allow tcp 80, from a'), 'MQ117 2 ,', policy('allow tcp 80 from a'));
});
test('`and` in a list, and other signs', () => {
  expectMended(policy('allow from a and b'), 'MQ107 2 and', policy('allow from a, b'));
  expectMended('zone a = b + c', 'MQ006 1 +', 'zone a = b , c');
});
test('a rate in words, a port before its protocol', () => {
  expectMended(policy('allow limit 10 per minute'), 'MQ017 2 10 per minute', policy('allow limit 10/minute'));
  expectMended(policy('allow 80/tcp'), 'MQ017 2 80/tcp', policy('allow tcp 80'));
});
test('ports and host names where addresses stand', () => {
  const [port] = expectErrors(policy('allow tcp 80 to yoda:80'), 'MQ102 2 :');
  assert.match(port!.expected!, 'after their protocol');
  const [host] = expectErrors(policy('allow from www.example.org'), 'MQ102 2 www.example.org');
  assert.match(host!.expected!, '`host`');
});
test('a list has no braces', () => {
  expectErrors('set s = { a, b }', 'MQ123 1 {');
});
test('an action outside of every block', () => {
  const [error] = expectErrors('allow tcp 80', 'MQ101 1 allow');
  assert.is(error!.expected, '`allow` in the block of `gateway`, `policy` or `redirect`');
});

test.run();
