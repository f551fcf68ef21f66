import type { Section } from '../row.ts';
import { fragmentRows } from './fragments.ts';
import { icmpRows } from './icmp.ts';
import { ipv6Rows } from './ipv6.ts';
import { largeScaleRows } from './large-scale.ts';
import { programRows } from './programs.ts';
import { strayRows } from './strays.ts';
import { tcpRows } from './tcp.ts';
import { filteringRows } from './udp-filtering.ts';
import { lifeRows } from './udp-life.ts';
import { mappingRows } from './udp-mapping.ts';
import { wireRows } from './wire-format.ts';

export const sections: readonly Section[] = [
  { title: 'UDP, RFC 4787', rows: [...mappingRows, ...filteringRows, ...lifeRows, ...fragmentRows] },
  { title: 'TCP, RFC 5382', rows: tcpRows },
  { title: 'ICMP, RFC 5508', rows: [...icmpRows, ...programRows] },
  { title: 'Ports, limits and logs of many hosts: RFC 6888, RFC 7857, RFC 7422', rows: largeScaleRows },
  { title: 'What leaves, what enters, what is the gateway’s own: RFC 3022', rows: strayRows },
  { title: 'Packets as they must be: RFC 1624, RFC 768, MSS, offloads', rows: wireRows },
  { title: 'IPv6', rows: ipv6Rows },
];
