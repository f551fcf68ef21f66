/** The program wire.c, with frames as bytes. */
import { fileURLToPath } from 'node:url';
import { buildProgram } from '../../lab/build-program.ts';
import type { Lab } from '../../lab/lab.ts';
import type { Program } from '../../lab/program.ts';

/** As it stood on the wire; `at` in milliseconds of CLOCK_MONOTONIC. */
export interface Frame {
  readonly end: string;
  readonly at: number;
  readonly partial: boolean;
  /** The VLAN tag that the kernel held aside, or null. */
  readonly tag: number | null;
  readonly bytes: Uint8Array;
}

export interface End {
  readonly name: string;
  /** Of the laboratory. */
  readonly place: string;
  readonly device: string;
}

export class Wire {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Each frame that arrives at one of the ends is given to `receive`. */
  static async open(lab: Lab, ends: readonly End[], receive: (frame: Frame) => void): Promise<Wire> {
    const program = await buildProgram(fileURLToPath(new URL('wire.c', import.meta.url)));
    const args = ends.flatMap(({ name, place, device }) => [name, lab.at(place).id, device]);
    const running = lab.start(program, ...args);
    await running.says(/^ready$/m);
    running.onLine((line) => {
      const [end, time, flags, frame] = line.split(' ');
      if (end === undefined || frame === undefined || flags === undefined || end === '!') return;
      const tag = /v([0-9a-f]{4})/.exec(flags)?.[1];
      receive({
        end,
        at: Number(time) / 1000,
        partial: flags.startsWith('p'),
        tag: tag === undefined ? null : Number.parseInt(tag, 16),
        bytes: Uint8Array.from(Buffer.from(frame, 'hex')),
      });
    });
    return new Wire(running);
  }

  send(end: string, frame: Uint8Array): void {
    this.#program.write(`${end} ${Buffer.from(frame).toString('hex')}`);
  }

  /** With a struct virtio_net_hdr before it. */
  sendOffloaded(end: string, header: Uint8Array, frame: Uint8Array): void {
    this.#program.write(`${end} ${Buffer.from(header).toString('hex')} ${Buffer.from(frame).toString('hex')}`);
  }
}
