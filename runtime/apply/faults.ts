/**
 * For tests of what a crash leaves: MASQC_FAULT=`kill N` ends the process by SIGKILL before step N (from 0), `fail N`
 * lets that step fail, `interrupt N` sends SIGINT to the process itself before it. Anything else does nothing.
 */
export function injectFault(index: number, fault: string | undefined = process.env.MASQC_FAULT): void {
  if (fault === undefined) return;
  const [what, at] = fault.split(' ');
  if (Number(at) !== index) return;
  if (what === 'kill') process.kill(process.pid, 'SIGKILL');
  if (what === 'interrupt') process.kill(process.pid, 'SIGINT');
  if (what === 'fail') throw new Error('MASQC_FAULT asked for it');
}
