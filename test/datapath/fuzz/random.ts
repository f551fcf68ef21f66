/** Random numbers that a seed repeats (xorshift32; George Marsaglia, 2003). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }
  /** 0 … 2^32 - 1 */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }
  /** 0 … limit - 1 */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }
  chance(probability: number): boolean {
    return this.next() < probability * 0x1_0000_0000;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
  bytes(count: number): number[] {
    return Array.from({ length: count }, () => this.below(256));
  }
}
