/** The simulator's memory: connections, mappings, doors and their times, beside the datapath's (test/datapath/flow-life, mapping, tcp). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import type { Decision } from '../../../compiler/simulate/decision.ts';
import { Gateway } from '../../../compiler/simulate/gateway.ts';
import type { NewPacket } from '../../../compiler/simulate/packet.ts';
import { ACK, FIN, RST, SYN } from '../../../compiler/simulate/tcp.ts';
import { describeOutcome } from '../../../compiler/simulate/words.ts';
import { checkText, describe } from '../check/check-text.ts';
import { machine } from './packets.ts';

const test = suite('the gateway with its memory');
const [WAN, LAN, DMZ] = [1, 2, 3];
const OUTSIDE = '203.0.113.5';

function make(masquerade = '', more = ''): Gateway {
  const { model, diagnostics } = checkText(`gateway g {
  default deny
  timeout udp 60s, tcp 10m, tcp-syn 30s, tcp-fin 5s, icmp 20s
}
interface wan = ppp0
interface lan = eth0
interface dmz = eth1
network home = 192.168.1.0/24 on lan
network servers = 192.168.2.0/24 on dmz
policy out from lan, dmz to wan {
  allow tcp 1-65535, udp 1-65535, icmp
  default deny
}
masquerade m {
  from 192.168.0.0/16
  interface wan
  address ${OUTSIDE}
  ports 61000-61003
  ${masquerade}
}
redirect www {
  interface wan
  address 203.0.113.6
  listen tcp 80 to 192.168.2.10:8080
  allow from any
}
${more}
`);
  assert.ok(model, describe(diagnostics));
  return new Gateway(model, buildPolicyDiagram(model));
}

type Place = readonly [address: string, port: number];
function packet(protocol: number, on: number, from: Place, to: Place, more: Partial<NewPacket> = {}): NewPacket {
  return {
    family: 4,
    protocol,
    in: on,
    from: machine(from[0]),
    sport: from[1],
    to: machine(to[0]),
    dport: to[1],
    ...more,
  };
}
const udp = (on: number, from: Place, to: Place) => packet(17, on, from, to);
const tcp = (on: number, from: Place, to: Place, flags?: number) =>
  packet(6, on, from, to, flags === undefined ? {} : { flags });
const say = (gateway: Gateway, decision: Decision) => describeOutcome(gateway.model, decision).replace('is ', '');

const HAN = (port: number): Place => ['192.168.1.20', port];
const LEIA = (port: number): Place => ['192.168.1.21', port];
const PEER: Place = ['192.0.2.53', 53];
const OTHER: Place = ['192.0.2.99', 53];
const MAPPED = (port: number): Place => [OUTSIDE, port];

test('answers follow, translated back, and by their interface alone', () => {
  const gateway = make();
  assert.is(say(gateway, gateway.step(udp(LAN, HAN(61002), PEER))), `masqueraded by m as ${OUTSIDE}:61002`);
  assert.is(say(gateway, gateway.step(udp(WAN, PEER, MAPPED(61002)))), 'allowed by out to 192.168.1.20:61002');
  assert.is(gateway.step(udp(DMZ, PEER, MAPPED(61002))).drop?.kind, 'wrong-interface');
  assert.is(say(gateway, gateway.step(udp(WAN, OTHER, MAPPED(61003)))), 'denied by g');
});

test('a redirected client is answered by whom it asked', () => {
  const gateway = make();
  gateway.step(tcp(WAN, ['192.0.2.1', 5000], ['203.0.113.6', 80]));
  const answer = gateway.step(tcp(DMZ, ['192.168.2.10', 8080], ['192.0.2.1', 5000]));
  assert.is(say(gateway, answer), 'allowed by www as 203.0.113.6:80');
});

test('a connection ends after its time, which each packet begins again', () => {
  const gateway = make();
  gateway.step(udp(LAN, HAN(61000), PEER));
  gateway.wait(59_000);
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61000))).outcome, 'allowed');
  gateway.wait(59_000);
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61000))).outcome, 'allowed');
  gateway.wait(60_000);
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61000))).outcome, 'denied');
});

test('looking changes nothing', () => {
  const gateway = make();
  gateway.look(udp(LAN, HAN(61000), PEER));
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61000))).outcome, 'denied');
});

test('`refresh outbound`: what comes from outside keeps nothing alive', () => {
  const gateway = make('refresh outbound');
  gateway.step(udp(LAN, HAN(61000), PEER));
  gateway.wait(59_000);
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61000))).outcome, 'allowed');
  gateway.wait(2_000);
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61000))).outcome, 'denied');
});

function open(gateway: Gateway): void {
  gateway.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], SYN));
  gateway.step(tcp(WAN, ['192.0.2.80', 80], MAPPED(61000), SYN | ACK));
  gateway.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], ACK));
}
const answers = (gateway: Gateway, flags = ACK) =>
  gateway.step(tcp(WAN, ['192.0.2.80', 80], MAPPED(61000), flags)).outcome === 'allowed';

test('TCP: half open, established, half closed, closing', () => {
  const half = make();
  half.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], SYN));
  half.wait(31_000);
  assert.not(answers(half), 'half open');
  const whole = make();
  open(whole);
  whole.wait(599_000);
  assert.ok(answers(whole, FIN | ACK), 'established');
  whole.wait(599_000);
  assert.ok(answers(whole), 'half closed lives as long');
  whole.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], FIN | ACK));
  whole.wait(4_000);
  assert.ok(answers(whole), 'closing');
  whole.wait(6_000);
  assert.not(answers(whole), 'closed');
});

test('TCP: a RST ends, unless somebody goes on', () => {
  const gateway = make();
  open(gateway);
  assert.ok(answers(gateway, RST));
  gateway.wait(4_000);
  assert.ok(answers(gateway));
  gateway.wait(60_000);
  assert.ok(answers(gateway, RST));
  gateway.wait(6_000);
  assert.not(answers(gateway));
});

test('TCP without SYN starts nothing; a SYN on an ended connection starts another, its answer alone does not', () => {
  const gateway = make();
  for (const flags of [ACK, SYN | ACK, FIN, RST, FIN | ACK]) {
    const { drop } = gateway.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], flags));
    assert.is(drop?.kind, 'stray', `${flags}`);
  }
  open(gateway);
  answers(gateway, RST | ACK);
  assert.is(gateway.step(tcp(WAN, ['192.0.2.80', 80], MAPPED(61000), SYN | ACK)).drop?.kind, 'stray');
  const again = gateway.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], SYN));
  assert.is(again.outcome, 'masqueraded');
  assert.ok(answers(gateway, SYN | ACK));
});

test('one inside socket keeps one outside port; two never share one; parity is kept while it can', () => {
  const gateway = make();
  const port = (from: Place, to: Place) => gateway.step(udp(LAN, from, to)).as?.ports;
  assert.equal(port(HAN(61000), PEER), { first: 61000, last: 61000 });
  assert.equal(port(HAN(61000), OTHER), { first: 61000, last: 61000 });
  assert.equal(port(LEIA(61000), PEER), { first: 61000, last: 61003 }, 'one of the pool');
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61002))).becomes?.port, 61000, 'the even one');
  port(HAN(61001), PEER);
  port(HAN(61003), PEER);
  assert.is(gateway.step(udp(LAN, LEIA(1), PEER)).drop?.kind, 'ports-exhausted');
  assert.is(gateway.step(udp(LAN, LEIA(61000), OTHER)).outcome, 'masqueraded', 'it has one');
});

test('a port may be drawn by the caller, but only one that the gateway may take', () => {
  const gateway = make();
  gateway.step(udp(LAN, HAN(5), PEER), 61003);
  assert.is(gateway.step(udp(WAN, PEER, MAPPED(61003))).outcome, 'allowed');
  assert.throws(() => gateway.step(udp(LAN, HAN(6), PEER), 61003), /taken/);
  assert.throws(() => gateway.step(udp(LAN, HAN(7), PEER), 4711), /none of the pool/);
  assert.throws(() => gateway.step(udp(LAN, HAN(61000), PEER), 61002), /61000 is free/);
  assert.throws(() => gateway.step(udp(LAN, HAN(5), OTHER), 61002), /it has 61003/);
});

test('towards another peer the same port serves again, where mappings depend on the peer', () => {
  const gateway = make('mapping address-and-port-dependent');
  for (const from of [HAN(1), HAN(2), HAN(3), HAN(4)]) gateway.step(udp(LAN, from, PEER));
  assert.is(gateway.step(udp(LAN, HAN(5), PEER)).drop?.kind, 'ports-exhausted');
  assert.is(gateway.step(udp(LAN, HAN(5), OTHER)).outcome, 'masqueraded');
});

test('a port rests for its socket: others get it only when no other is free', () => {
  const gateway = make();
  gateway.step(udp(LAN, HAN(61000), PEER));
  gateway.wait(61_000);
  assert.equal(gateway.step(udp(LAN, LEIA(61000), PEER)).as?.ports, { first: 61000, last: 61003 }, 'it rests');
  assert.equal(gateway.step(udp(LAN, HAN(61000), PEER)).as?.ports, { first: 61000, last: 61000 }, 'for him');
  const late = make();
  late.step(udp(LAN, HAN(61000), PEER));
  late.wait(181_000);
  assert.equal(late.step(udp(LAN, LEIA(61000), PEER)).as?.ports, { first: 61000, last: 61000 }, 'rested');
  const full = make();
  full.step(udp(LAN, HAN(61000), PEER));
  full.wait(61_000);
  for (const port of [1, 2, 3, 4]) assert.is(full.step(udp(LAN, LEIA(port), PEER)).outcome, 'masqueraded', `${port}`);
});

test('filtering admits whom it says', () => {
  const cases = { 'endpoint-independent': [true, true], 'address-dependent': [true, false] };
  for (const [filtering, [known, stranger]] of Object.entries(cases)) {
    const gateway = make(`filtering ${filtering}`);
    gateway.step(udp(LAN, HAN(61000), PEER));
    const enters = (from: Place) => say(gateway, gateway.step(udp(WAN, from, MAPPED(61000))));
    const open = 'redirected by m to 192.168.1.20:61000';
    assert.is(enters([PEER[0], 99]), known ? open : 'denied by g', filtering);
    assert.is(enters(OTHER), stranger ? open : 'denied by g', filtering);
  }
  const shut = make('filtering address-and-port-dependent');
  shut.step(udp(LAN, HAN(61000), PEER));
  assert.is(shut.step(udp(WAN, [PEER[0], 99], MAPPED(61000))).outcome, 'denied');
});

test('hairpin: inside hosts meet by outside sockets, and appear with theirs', () => {
  const gateway = make();
  gateway.step(udp(LAN, HAN(61000), PEER));
  const meets = gateway.step(udp(LAN, LEIA(61001), MAPPED(61000)));
  assert.is(say(gateway, meets), `redirected by m as ${OUTSIDE}:61001 to 192.168.1.20:61000`);
  const answer = gateway.step(udp(LAN, HAN(61000), MAPPED(61001)));
  assert.is(say(gateway, answer), `allowed by m as ${OUTSIDE}:61000 to 192.168.1.21:61001`);
  const stranger = gateway.step(udp(DMZ, ['192.168.2.10', 61002], MAPPED(61000)));
  assert.is.not(stranger.outcome, 'redirected', 'no peer, and no policy from dmz to lan');
});

test('a socket can not send to its own outside socket, nor an address to itself', () => {
  const gateway = make('filtering endpoint-independent');
  gateway.step(udp(LAN, HAN(61000), PEER));
  const self = gateway.step(udp(LAN, HAN(61000), MAPPED(61000)));
  assert.is(self.drop?.kind, 'port-taken');
  assert.is(gateway.step(udp(LAN, HAN(61000), [HAN(0)[0], 5])).drop?.kind, 'malformed');
});

test('an ended connection starts again by its own interface alone', () => {
  const gateway = make();
  open(gateway);
  answers(gateway, RST | ACK);
  const from: Place = ['192.0.2.80', 80];
  assert.is(gateway.step(tcp(LAN, from, MAPPED(61000), SYN)).drop?.kind, 'wrong-interface');
});

test('a RST that answers nothing ends nothing', () => {
  const gateway = make();
  gateway.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], SYN));
  gateway.step(tcp(LAN, HAN(61000), ['192.0.2.80', 80], RST | ACK));
  gateway.wait(6_000);
  assert.ok(answers(gateway, SYN | ACK));
});

test('ICMP: answers by their identifier, errors by what they quote', () => {
  const gateway = make();
  const ping = (on: number, from: string, to: string, type: number, id: number) =>
    packet(1, on, [from, id], [to, type << 8]);
  gateway.step(ping(LAN, HAN(0)[0], PEER[0], 8, 7));
  assert.is(gateway.step(ping(WAN, PEER[0], OUTSIDE, 0, 8)).drop?.kind, 'stray');
  assert.is(gateway.step(ping(WAN, PEER[0], OUTSIDE, 0, 7)).outcome, 'allowed');
  const quotes = {
    ...{ protocol: 1, saddr: machineAddress(OUTSIDE), sport: 7, daddr: machineAddress(PEER[0]), dport: 0 },
  };
  const error = packet(1, WAN, ['198.51.100.1', 0], [OUTSIDE, 3 << 8], { quotes });
  assert.is(gateway.step(error).outcome, 'allowed');
  assert.is(gateway.step({ ...error, quotes: { ...quotes, sport: 9 } }).drop?.kind, 'stray');
  gateway.wait(19_000);
  gateway.step(error);
  gateway.wait(2_000);
  assert.is(gateway.step(ping(WAN, PEER[0], OUTSIDE, 0, 7)).drop?.kind, 'stray', 'an error keeps nothing alive');
});

function machineAddress(text: string): bigint {
  const made = machine(text);
  return made.kind === 'address' ? made.address : 0n;
}

/** An error of this sender by this interface, about a packet that the connection sent. */
function error(on: number, from: string, about: { readonly from: Place; readonly to: Place }): NewPacket {
  const [saddr, daddr] = [machineAddress(about.from[0]), machineAddress(about.to[0])];
  const quotes = { protocol: 17, saddr, sport: about.from[1], daddr, dport: about.to[1] };
  return packet(1, on, [from, 0], [about.from[0], 3 << 8], { quotes });
}

test('an error to itself is malformed, whatever it quotes', () => {
  const gateway = make();
  gateway.step(udp(LAN, HAN(61000), PEER));
  const about = { from: MAPPED(61000), to: PEER };
  assert.is(gateway.step(error(WAN, '198.51.100.1', about)).outcome, 'allowed');
  assert.is(gateway.step(error(WAN, OUTSIDE, about)).drop?.kind, 'malformed');
  const own = { kind: 'own', interface: WAN } as const;
  assert.is(gateway.step({ ...udp(WAN, PEER, PEER), from: own, to: own }).drop?.kind, 'malformed');
});

test('an inside router that reports about a connection shown as it is would show itself', () => {
  const gateway = make('', 'policy in from wan to dmz {\n  allow udp 53\n  default deny\n}');
  const SERVER: Place = ['192.168.2.10', 53];
  assert.is(gateway.step(udp(WAN, ['198.51.100.7', 9], SERVER)).outcome, 'allowed');
  const about = { from: ['198.51.100.7', 9], to: SERVER } as const;
  assert.is(gateway.step(error(DMZ, SERVER[0], about)).outcome, 'allowed', 'the server itself');
  assert.is(gateway.step(error(DMZ, '192.168.2.1', about)).drop?.kind, 'untranslated');
  assert.is(gateway.step(error(DMZ, '198.51.100.3', about)).outcome, 'allowed', 'it has a public address');
});

test('an outside source by an inner interface is forged where its answers would show a private address', () => {
  const gateway = make('', 'policy inner from lan to dmz {\n  allow udp 53, tcp 80\n  default deny\n}');
  assert.is(gateway.step(udp(LAN, HAN(1), ['192.168.2.10', 53])).outcome, 'allowed');
  assert.is(gateway.step(udp(LAN, PEER, ['192.168.2.10', 53])).drop?.kind, 'answers-outside');
  const www = gateway.step(tcp(LAN, ['192.0.2.80', 9], ['203.0.113.6', 80], SYN));
  assert.is(www.outcome, 'redirected', 'the address that it asked for is public');
});

test('a client that shares an interface with the target of an address appears as the gateway there', () => {
  const gateway = make();
  const shared = gateway.step(tcp(DMZ, ['192.168.2.11', 9], ['203.0.113.6', 80], SYN));
  assert.is(say(gateway, shared), 'redirected by www as dmz to 192.168.2.10:8080');
});

test('of a hairpin both hosts are charged, and it counts twice for all', () => {
  const each = make('filtering endpoint-independent\n  limit 2 flows per source');
  each.step(udp(LAN, HAN(61000), PEER));
  assert.is(each.step(udp(LAN, LEIA(61001), MAPPED(61000))).outcome, 'redirected');
  assert.is(each.step(udp(LAN, LEIA(61001), PEER)).outcome, 'masqueraded', 'the second of hers');
  assert.is(each.step(udp(LAN, LEIA(61001), OTHER)).drop?.kind, 'limited');
  assert.is(each.step(udp(LAN, HAN(61000), OTHER)).drop?.kind, 'limited', 'he has been reached once');

  const all = make('filtering endpoint-independent\n  limit 3 flows');
  all.step(udp(LAN, HAN(61000), PEER));
  all.step(udp(LAN, LEIA(61001), MAPPED(61000)));
  assert.is(all.step(udp(LAN, LEIA(61001), PEER)).drop?.kind, 'limited');
});

test('what gets no port gives back what it has taken of limits', () => {
  const symmetric = 'mapping address-and-port-dependent\n  filtering address-and-port-dependent';
  const gateway = make(`${symmetric}\n  limit 1/hour burst 5`);
  for (const port of [61000, 61001, 61002, 61003])
    assert.is(gateway.step(udp(LAN, HAN(port), PEER)).outcome, 'masqueraded');
  assert.is(gateway.step(udp(LAN, HAN(5), PEER)).drop?.kind, 'ports-exhausted');
  assert.is(gateway.step(udp(LAN, HAN(61000), OTHER)).outcome, 'masqueraded');
  assert.is(gateway.step(udp(LAN, HAN(61001), OTHER)).drop?.kind, 'limited');
});

test.run();
