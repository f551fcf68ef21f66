import { compile } from '../../compiler/compile.ts';
import type { Datapath } from '../apply/datapath.ts';
import { type Artifact, makeArtifact } from '../sources/artifact.ts';

/** A gateway with something of everything, for a kernel to judge where there is no file of one's own. */
const TEXT = `gateway probe {
  default deny
  account home
}
interface wan = wan0
interface lan = lan0
network home = 192.168.1.0/24, 2001:db8:1::/64 on lan
policy out from lan to wan {
  allow tcp 80 limit 10/second per source log
  default allow
}
masquerade hidden {
  from      home
  interface wan
  family    ipv4, ipv6
  limit     1000 ports per source
}
`;

export function makeProbe(datapath: Datapath): Artifact {
  const compiled = compile('probe.masq', () => ({ text: TEXT }));
  if (compiled.model === null) throw new Error(compiled.diagnostics.map(({ message }) => message).join('; '));
  return makeArtifact(compiled, datapath);
}
