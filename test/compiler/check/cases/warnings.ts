import type { Case } from './case.ts';

const policy = (lines: string, from = 'lan', to = 'wan'): string =>
  `policy p from ${from} to ${to} {\n  ${lines}\n  default deny\n}\n`;
const masquerade = (from: string): string => `masquerade m {\n  from ${from}\n  interface wan\n}\n`;
const redirect = (listen: string, allow: string): string =>
  `redirect r {\n  interface wan\n  ${listen}\n  ${allow}\n}\n`;
const gateway = (line: string): string => `interface lan = eth0\ngateway g {\n  ${line}\n}\n`;
/** Each port range holds the one before it: nothing narrows the search down, and each line has packets of its own. */
const growing = (count: number): string =>
  Array.from({ length: count }, (_, i) => `  allow tcp ${20000 - i}-${40000 + i}\n`).join('');

const owned = (line: string): string =>
  `gateway g {\n  default deny\n  ${line}\n}\ninterface wan = ppp0\ninterface lan = eth0\n`;
const mapped = 'map m {\n  interface wan\n  inside 192.168.1.0/24\n  outside 10.9.0.0/24\n}\n';

export const WARNINGS: readonly Case[] = [
  {
    code: 'neverReached',
    fact: 'a line below one that takes more is never reached',
    bad: policy('deny tcp 1-1024\n  «allow web from han»'),
    good: policy('allow web from han\n  deny tcp 1-1024'),
  },
  {
    code: 'neverReached',
    fact: 'lines above may take the packets of a line together',
    bad: policy('deny tcp 80 from 192.168.1.0/25\n  deny tcp 80 from 192.168.1.128/25\n  «allow tcp 80 from home»'),
    good: policy('deny tcp 80 from 192.168.1.0/25\n  deny tcp 81 from 192.168.1.128/25\n  allow tcp 80 from home'),
  },
  {
    code: 'neverReached',
    fact: 'a line for what never comes here is never reached',
    bad: policy('«allow web from dmz»'),
    good: policy('allow web from lan'),
  },
  {
    code: 'neverReached',
    fact: 'what is excepted above is reached',
    bad: policy('deny web from home except yoda\n  «allow web from han»'),
    good: policy('deny web from home except han\n  allow web from han'),
  },
  {
    code: 'neverReached',
    fact: 'a place and addresses are two ways to be meant',
    bad: policy('deny web from lan, dmz\n  «allow web from han»', 'inside'),
    good: policy('deny web from dmz\n  allow web from han', 'inside'),
  },
  {
    code: 'neverReached',
    fact: "the gateway's own lines are compared too",
    whole: true,
    bad: gateway('deny from 192.0.2.0/24\n  «deny tcp 80 from 192.0.2.1»'),
    good: gateway('deny from 192.0.2.0/24\n  deny tcp 80 to 192.0.2.1'),
  },
  {
    code: 'unused',
    fact: 'a set is there to be used',
    whole: true,
    bad: `${gateway('deny from 192.0.2.1')}set «s» = 192.0.2.1\n`,
    good: `${gateway('deny from s')}set s = 192.0.2.1\n`,
  },
  {
    code: 'unused',
    fact: 'a zone, a host and a service are there to be used',
    whole: true,
    bad: `${gateway('deny from 192.0.2.1')}zone «z» = lan\nhost «h» = 192.168.1.7\nservice «dns» = udp 53\n`,
    good: `${gateway('deny dns from z, h')}zone z = lan\nhost h = 192.168.1.7\nservice dns = udp 53\n`,
  },
  {
    code: 'emptySet',
    fact: 'a set holds addresses',
    bad: `set «s» = han except home\n${policy('allow web from home, s')}`,
    good: `set s = home except han\n${policy('allow web from s')}`,
  },
  {
    code: 'hostInNoNetwork',
    fact: 'a host lives in a network',
    bad: 'host h = «10.0.0.1»\n',
    good: 'host h = 192.168.1.7\n',
  },
  {
    code: 'privateOut',
    fact: 'what is let out by an outer interface is hidden',
    bad: `${masquerade('servers')}policy p from lan to wan {\n  «default allow»\n}\n`,
    good: `${masquerade('servers, home')}policy p from lan to wan {\n  default allow\n}\n`,
    says: '192.168.1.0/24',
  },
  {
    code: 'privateOut',
    fact: 'only what a line names is let out',
    bad: `${masquerade('192.168.1.0/25')}${policy('allow web from han\n  «allow web from 192.168.1.129»')}`,
    good: `${masquerade('192.168.1.0/25')}${policy('allow web from han\n  allow web from 192.168.1.129 to 10.0.0.0/8')}`,
    says: '192.168.1.129',
  },
  {
    code: 'exposed',
    fact: 'X11 is not for everyone, on whatever port it is reached',
    bad: redirect('listen tcp 7001 to han:6000', '«allow from any»'),
    good: redirect('listen tcp 7001 to han:6000', 'allow from partners'),
    says: 'keyboard',
  },
  {
    code: 'exposed',
    fact: 'ssh to the inside is not for everyone',
    bad: policy('«allow tcp 22 to yoda»', 'wan', 'dmz'),
    good: policy('allow web to yoda\n  allow tcp 22 from partners to yoda', 'wan', 'dmz'),
  },
  {
    code: 'exposed',
    fact: 'a policy from outside does not end in `default allow`',
    bad: 'policy p from wan to dmz {\n  «default allow»\n}\n',
    good: 'policy p from dmz to lan {\n  default allow\n}\n',
  },
  {
    code: 'nobodyReachesSelf',
    fact: 'somebody may reach the gateway',
    whole: true,
    bad: 'interface lan = eth0\ngateway «g» {\n  default deny\n}\npolicy p from lan to self {\n  deny tcp 80\n  default reject\n}\n',
    good: 'interface lan = eth0\ngateway g {\n  default deny\n}\npolicy p from lan to self {\n  allow tcp 22\n  default reject\n}\n',
  },
  {
    code: 'tooManyToCompare',
    fact: 'a search that would take too long is given up, and that is said',
    bad: `«policy p from lan to wan» {\n${growing(3000)}  default deny\n}\n`,
    good: `policy p from lan to wan {\n${growing(500)}  default deny\n}\n`,
  },
  {
    code: 'limitNeverMet',
    fact: 'the table is a limit, too',
    bad: policy('allow tcp 25 to partners «limit 65536 flows»'),
    good: policy('allow tcp 25 to partners limit 65535 flows'),
  },
  {
    code: 'limitNeverMet',
    fact: 'each port has a flow in the table',
    bad: 'masquerade m {\n  from home\n  interface wan\n  «limit 65536 ports per source»\n}\n',
    good: 'masquerade m {\n  from home\n  interface wan\n  limit 65535 ports per source\n}\n',
    says: '65536 ports',
  },
  {
    code: 'takenBefore',
    fact: "the gateway's own lines come before policies",
    whole: true,
    bad: `${owned('deny from 192.168.1.0/28')}${policy('«allow tcp 80 from 192.168.1.3»')}`,
    good: `${owned('deny udp 1-65535 from 192.168.1.0/28')}${policy('allow tcp 80 from 192.168.1.3')}`,
    says: "a line of the gateway's own takes all",
  },
  {
    code: 'takenBefore',
    fact: 'what a redirect owns is asked of no policy',
    bad: `${redirect('address 203.0.113.5\n  listen web to yoda', 'allow from partners')}${policy('«allow tcp 80 to 203.0.113.5»', 'wan', 'dmz')}`,
    good: `${redirect('address 203.0.113.5\n  listen web to yoda', 'allow from partners')}${policy('allow tcp 80-81 to 203.0.113.5', 'wan', 'dmz')}`,
    says: 'the redirect `r` takes',
  },
  {
    code: 'takenBefore',
    fact: "a redirect owns its interface's address, and no other one of the gateway",
    whole: true,
    bad: `${owned('deny tcp 80 to 10.0.0.0/8')}${redirect('listen tcp 80 to 192.168.1.9', 'allow from any')}${policy('«allow tcp 80 to 10.1.2.3»', 'wan', 'self')}`,
    good: `${owned('deny tcp 81')}${redirect('listen tcp 80 to 192.168.1.9', 'allow from any')}${policy('allow tcp 80 to self', 'wan', 'self')}`,
  },
  {
    code: 'takenBefore',
    fact: 'a redirect that listens for what the gateway denies is deaf',
    whole: true,
    bad: `${owned('deny tcp 25')}${redirect('listen tcp 80 to 192.168.1.9\n  «listen tcp 25 to 192.168.1.9»', 'allow from any')}`,
    good: `${owned('deny tcp 25 from 192.0.2.0/24')}${redirect('listen tcp 80 to 192.168.1.9\n  listen tcp 25 to 192.168.1.9', 'allow from any')}`,
  },
  {
    code: 'takenBefore',
    fact: 'whom the gateway denies no redirect lets in',
    whole: true,
    bad: `${owned('deny from 192.0.2.0/24')}${redirect('listen tcp 80 to 192.168.1.9', '«allow from 192.0.2.7»')}`,
    good: `${owned('deny from 192.0.2.0/24')}${redirect('listen tcp 80 to 192.168.1.9', 'allow from 192.0.2.7, 198.51.100.7')}`,
    says: 'nobody is let in',
  },
  {
    code: 'takenBefore',
    fact: 'behind a map a packet has its inside destination',
    bad: `${mapped}${policy('«allow web to 10.9.0.7»', 'wan', 'lan')}`,
    good: `${mapped}${policy('allow web to 192.168.1.7', 'wan', 'lan')}`,
    says: 'the map `m` takes',
  },
  {
    code: 'takenBefore',
    fact: "the gateway's own lines see a packet as it came, before a map",
    whole: true,
    bad: `${owned('deny to 192.168.1.0/24, 10.9.0.0/24')}${mapped}${policy('«allow tcp 80 to 192.168.1.7»', 'wan', 'lan')}`,
    good: `${owned('deny to 192.168.1.0/24')}${mapped}${policy('allow tcp 80 to 192.168.1.7', 'wan', 'lan')}`,
  },
  {
    code: 'livesElsewhere',
    fact: 'a sender comes in where it lives',
    bad: policy('«allow web from servers»'),
    good: `${policy('allow web from servers', 'inside')}`,
    says: 'behind dmz',
  },
  {
    code: 'hidesNobody',
    fact: 'a masquerade lets nobody out itself',
    bad: `«masquerade m» {\n  from home\n  interface wan\n}\n${policy('allow web from servers', 'dmz')}`,
    good: `masquerade m {\n  from home\n  interface wan\n}\n${policy('allow web from han')}`,
    says: 'out by wan',
  },
  {
    code: 'hidesNobody',
    fact: 'whom the lines above deny nobody needs to hide',
    bad: `«masquerade m» {\n  from han\n  interface wan\n}\n${policy('deny from han\n  allow web from home')}`,
    good: `masquerade m {\n  from han\n  interface wan\n}\n${policy('deny tcp 80 from han\n  allow web from home')}`,
  },
  {
    code: 'hidesNobody',
    fact: 'what a redirect sends out again is hidden',
    bad: `«masquerade m» {\n  from partners\n  interface dmz\n}\n${redirect('listen tcp 80 to han', 'allow from any')}`,
    good: `masquerade m {\n  from partners\n  interface dmz\n}\n${redirect('listen tcp 80 to yoda', 'allow from any')}`,
  },
  {
    code: 'repeatedBelow',
    fact: 'a line that another one holds with more is not needed',
    bad: policy('«allow tcp 80 from han»\n  deny tcp 25\n  allow web from home'),
    good: policy('allow tcp 80 from han\n  deny tcp 1-1024\n  allow web from home'),
  },
  {
    code: 'repeatedBelow',
    fact: 'lines below may do it together',
    bad: policy('«allow web from han»\n  allow tcp 80 from home\n  allow tcp 400-500 from home'),
    good: policy('allow web from han\n  allow tcp 80 from home\n  allow tcp 400-442 from home'),
    says: 'lines below do',
  },
  {
    code: 'repeatedBelow',
    fact: 'to log or to limit is more than to decide, and a default is said on purpose',
    bad: policy('«deny tcp 25 from han»\n  deny tcp 25\n  allow from home'),
    good: policy(
      'deny tcp 25 from han log\n  deny tcp 25\n  allow tcp 80 from han limit 5/second\n  allow tcp 80\n  deny udp 53 from han\n  reject udp 53\n  deny tcp 81',
    ),
  },
  {
    code: 'partNeverReached',
    fact: 'a host named in a line that lines above deny',
    bad: policy('deny from han\n  allow web from 192.168.1.7, «han»'),
    good: policy('deny tcp 80 from han\n  allow web from 192.168.1.7, han'),
    says: '`han` has no effect',
  },
  {
    code: 'partNeverReached',
    fact: 'a port is spoken of with its protocol',
    bad: policy('deny tcp 25, 26\n  allow tcp 80, «25» from home'),
    good: policy('allow tcp 25 to partners\n  allow tcp 80, 25 from home'),
    says: '`tcp 25` has',
  },
];
