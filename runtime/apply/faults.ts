/**
 * For tests of what a crash leaves: MASQC_FAULT=`kill N` ends the process by SIGKILL before step N (from 0), `fail N`
 * lets that step fail, `interrupt N` sends SIGINT to the process itself before it; `kill edit` comes between the
 * additions and the deletions of an edited set. Anything else does nothing.
 */
export function injectFault(place: number | string, fault: string | undefined = process.env.MASQC_FAULT): void {
  if (fault === undefined) return;
  const [what, at] = fault.split(' ');
  if (at !== String(place)) return;
  if (what === 'kill') process.kill(process.pid, 'SIGKILL');
  if (what === 'interrupt') process.kill(process.pid, 'SIGINT');
  if (what === 'fail') throw new Error('MASQC_FAULT asked for it');
}
