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
];
