import pc from 'picocolors';

/** Where a verb writes. Verbs never touch `process` for output, so that tests can listen. */
export interface Io {
  /** Results, to standard output. The text is written as it is: end lines yourself. Await it between many. */
  readonly out: (text: string | Uint8Array) => void | Promise<void>;
  /** False when nobody reads the results any more: a long listing may stop. */
  readonly isRead: () => boolean;
  /** Complaints and progress, to standard error. */
  readonly err: (text: string) => void;
  /** Colours for each stream: identity functions unless it is a terminal. */
  readonly colours: Colours;
  readonly errColours: Colours;
  /** Columns of the terminal; 100 where there is none. */
  readonly width: number;
}
export type Colours = ReturnType<typeof pc.createColors>;

interface Stream {
  readonly isTTY?: boolean | undefined;
}

/** Colours are for terminals only; NO_COLOR (https://no-color.org) and TERM=dumb turn them off. */
export function wantsColour(stream: Stream, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  const events = ['drain', 'error', 'close'] as const;
  return new Promise((resolve) => {
    const end = () => {
      for (const event of events) stream.off(event, end);
      resolve();
    };
    for (const event of events) stream.on(event, end);
  });
}

export function createIo(): Io {
  // `masqc show connections | head`: the reader has seen enough, which is no error, and no reason to stop an apply.
  let gone = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      gone ||= stream === process.stdout;
    });
  }
  return {
    // A reader that is slower than we are is waited for, so that a long listing takes no memory.
    isRead: () => !gone,
    out: (text) => {
      if (gone) return undefined;
      if (!process.stdout.write(text)) return drained(process.stdout);
      return undefined;
    },
    err: (text) => void process.stderr.write(text),
    colours: pc.createColors(wantsColour(process.stdout, process.env)),
    errColours: pc.createColors(wantsColour(process.stderr, process.env)),
    width: process.stdout.columns ?? 100,
  };
}
