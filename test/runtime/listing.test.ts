import pc from 'picocolors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../runtime/cli/refusal.ts';
import type { Connection } from '../../runtime/show/connection.ts';
import { makeFilter } from '../../runtime/show/filter.ts';
import {
  renderHeader,
  shorten,
  TITLE,
  writeConnection,
  writeConnectionJson,
  writeExpiry,
  writeOriginal,
} from '../../runtime/show/listing.ts';
import { TextBuffer } from '../../runtime/show/text-buffer.ts';

const test = suite('listing');
const plain = pc.createColors(false);

function textOf(write: (out: TextBuffer) => void): string {
  const out = new TextBuffer();
  write(out);
  return new TextDecoder().decode(out.take());
}
const renderOriginal = (one: Connection) => textOf((out) => writeOriginal(out, one));
const renderConnection = (one: Connection, colours: typeof plain) =>
  textOf((out) => writeConnection(out, one, colours));
const renderConnectionJson = (one: Connection) => textOf((out) => writeConnectionJson(out, one));
const formatExpiry = (ms: number) => textOf((out) => writeExpiry(out, ms));

const WEB: Connection = {
  protocol: 'tcp',
  source: { address: '192.168.77.10', port: 1033 },
  destination: { address: '198.51.100.10', port: 80 },
  masqueraded: { address: '203.0.113.5', port: 61002 },
  redirected: null,
  own: null,
  adopted: false,
  state: 'established',
  expiresMs: (14 * 60 + 53) * 1000 + 210,
  ageMs: 9000,
  sent: { packets: 10, bytes: 1000 },
  received: { packets: 114, bytes: 99_000 },
  rule: { file: 'gateway.masq', line: 31, owner: 'lan-out', text: 'default allow', tally: 1 },
  translation: { file: 'gateway.masq', line: 60, owner: 'home-out', text: 'masquerade home-out', tally: 2 },
  generation: 1,
};

test('prints the header of ipfwadm -M -l', () => {
  const [header] = renderHeader(plain).split('\n');
  assert.is(TITLE, 'IP masquerading entries');
  assert.is(header?.slice(0, 61), 'prot expire   source               destination          ports');
});

test('prints the very line of ipfwadm -M -l -n', () => {
  assert.is(renderOriginal(WEB), 'tcp  14:53.21 192.168.77.10        198.51.100.10        1033 (61002) -> 80');
});

test('stands under its header, column for column', () => {
  const header = renderHeader(plain).split('\n')[0] ?? '';
  const line = renderConnection(WEB, plain).trimEnd();
  for (const [word, value] of [
    ['source', '192.168.77.10'],
    ['destination', '198.51.100.10'],
    ['ports', '1033 (61002)'],
    ['state', 'established'],
    ['let in by', 'gateway.masq:31 lan-out'],
  ] as const) {
    assert.is(line.indexOf(value), header.indexOf(word), word);
  }
  for (const [word, value] of [
    ['packets', ' 124'],
    ['bytes', ' 97.6K'],
  ] as const) {
    assert.is(line.indexOf(value) + value.length, header.indexOf(word) + word.length, word);
  }
});

test('is dim to the right of the original on a terminal, at the same columns', () => {
  const bright = renderConnection(WEB, pc.createColors(true));
  assert.match(bright, /-> 80 +\x1b\[2mestablished .* lan-out\x1b\[22m\n$/);
  assert.is(bright.replaceAll(/\x1b\[\d+m/g, ''), renderConnection(WEB, plain));
});

test('keeps a blank between columns where addresses are long', () => {
  const address = '2001:db8:1234:5678:9abc:def0:1234:5678';
  const long: Connection = { ...WEB, source: { address, port: 50_000 }, destination: { address, port: 50_000 } };
  assert.match(renderConnection(long, plain), /-> 50000 established {6}124 {3}97\.6K {2}gateway\.masq:31 lan-out\n$/);
});

test('shows a redirect with its real target and the listened port', () => {
  const redirect: Connection = {
    ...WEB,
    source: { address: '198.51.100.9', port: 40000 },
    destination: { address: '203.0.113.5', port: 6001 },
    masqueraded: null,
    redirected: { address: '192.168.1.20', port: 6000 },
  };
  assert.is(renderOriginal(redirect), 'tcp  14:53.21 198.51.100.9         192.168.1.20         40000 (6001) -> 6000');
});

test('shows what is not translated without a port on the gateway', () => {
  assert.match(renderOriginal({ ...WEB, masqueraded: null }), / 1033 -> 80$/);
});

test('lists ICMP echo by its identifier', () => {
  const ping: Connection = {
    ...WEB,
    protocol: 'icmp',
    source: { address: '192.168.1.20', port: 17 },
    destination: { address: '198.51.100.10', port: 0 },
    masqueraded: { address: '203.0.113.5', port: 61003 },
  };
  assert.match(renderOriginal(ping), /^icmp 14:53\.21 192\.168\.1\.20 .* 17 \(61003\) -> echo$/);
});

test('counts minutes past 99 and stops at zero', () => {
  assert.is(formatExpiry(7_440_000), '124:00.00');
  assert.is(formatExpiry(-5), '00:00.00');
  assert.is(formatExpiry(59_999), '00:59.99');
});

test('shortens counters without rounding up', () => {
  assert.is(shorten(999, 1000), '999');
  assert.is(shorten(1000, 1000), '1.0k');
  assert.is(shorten(1999, 1000), '1.9k');
  assert.is(shorten(1024 * 1024, 1024), '1.0M');
});

test('says nothing where the line is no longer known', () => {
  assert.match(renderConnection({ ...WEB, rule: null, generation: 3 }, plain), / a line of generation 3\n$/);
  assert.match(renderConnection({ ...WEB, rule: null, own: 'sent' }, plain), / the gateway itself\n$/);
  const older = { ...WEB, rule: null, own: 'received', adopted: true } as const;
  assert.match(renderConnection(older, plain), / was there before masqc\n$/);
});

test('prints as JSON what JSON.stringify would', () => {
  const odd = { file: 'a "b" \\ c.masq', line: 3, owner: 'lan-out', text: 'allow tcp 80 log "ü\u0001"', tally: 3 };
  const variants: readonly Partial<Connection>[] = [
    {},
    { rule: null, translation: null, masqueraded: null, own: 'sent', adopted: true },
    { rule: odd, translation: odd, redirected: { address: '192.168.1.30', port: 8080 }, own: 'received' },
    { sent: { packets: 2 ** 40, bytes: 2 ** 50 }, expiresMs: 0, state: 'ending', protocol: '89' },
  ];
  for (const change of variants) {
    const connection = { ...WEB, ...change };
    assert.is(
      renderConnectionJson(connection),
      `${JSON.stringify(connection, (key, value) => (key === 'tally' ? undefined : value))}\n`,
    );
  }
});

test('chooses by any end, by state, by block and by line', () => {
  const redirected: Connection = {
    ...WEB,
    source: { address: '2001:db8::7', port: 40000 },
    destination: { address: '203.0.113.5', port: 6001 },
    masqueraded: null,
    redirected: { address: '192.168.1.20', port: 6000 },
    state: 'opening',
    rule: null,
  };
  const chosen = (options: Record<string, string>) => [WEB, redirected].map(makeFilter(options));
  for (const [options, wanted] of [
    [{}, [true, true]],
    [{ host: '192.168.77.10' }, [true, false]],
    [{ host: '203.0.113.5' }, [true, true]],
    [{ host: '203.0.113.5:61002' }, [true, false]],
    [{ host: '198.51.100.10:80' }, [true, false]],
    [{ host: '192.168.1.20:6001' }, [false, false]],
    [{ host: '192.168.1.20:6000' }, [false, true]],
    [{ host: '[2001:DB8:0::7]:40000' }, [false, true]],
    [{ state: 'opening' }, [false, true]],
    [{ by: 'lan-out' }, [true, false]],
    [{ by: 'home-out' }, [true, true]],
    [{ by: 'gateway.masq:31' }, [true, false]],
    [{ by: 'gateway.masq:3' }, [false, false]],
    [{ by: 'home-out', state: 'established', host: '203.0.113.5' }, [true, false]],
  ] as const) {
    assert.equal(chosen(options), wanted, JSON.stringify(options));
  }
  assert.throws(
    () => makeFilter({ host: 'han' }),
    (error: unknown) => error instanceof Refusal && error.exit === 1,
  );
});

test.run();
