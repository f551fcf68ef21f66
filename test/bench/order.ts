/** What the bench asks its worker for: `packets` packets over `flows` flows (fields of `struct settings`). */
export interface Order {
  readonly packets: number;
  readonly flows: number;
  readonly step: number;
  readonly next: number;
  readonly reflect: 0 | 1;
  /** 1: their checksums are left to hardware, as a veth leaves those of its own machine. */
  readonly partial: 0 | 1;
  /** ns between packets, whose way is timed then; 0: as fast as they go. */
  readonly interval: number;
}

/** What came of it; `ns` is the CPU time of generator, gateway and sink together, which run in lock step. */
export interface Answer {
  readonly sent: number;
  readonly ns: number;
  readonly arrived: number;
  readonly translated: number;
  readonly answered: number;
  readonly bad: number;
  /** µs from generator to sink, of timed packets. */
  readonly p50: number;
  readonly p99: number;
}
