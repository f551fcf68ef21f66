/** What the bench asks its worker for: `packets` packets over `flows` flows (fields of `struct settings`). */
export interface Order {
  readonly packets: number;
  readonly flows: number;
  readonly step: number;
  readonly next: number;
  readonly reflect: 0 | 1;
}

/** What came of it; `ns` is the CPU time of generator, gateway and sink together, which run in lock step. */
export interface Answer {
  readonly sent: number;
  readonly ns: number;
  readonly arrived: number;
  readonly translated: number;
  readonly answered: number;
  readonly bad: number;
}
