/** `control.active` of the datapath (native/datapath/epoch.h): which generation decides, and since which epoch. */
export interface Active {
  /** In the program arrays. */
  readonly place: number;
  /** 1..254; flows with another one are decided again. 0: no policy yet. */
  readonly epoch: number;
}

export function readActiveWord(word: number): Active {
  return { place: word & 0xff, epoch: (word >> 8) & 0xff };
}
export function makeActiveWord({ place, epoch }: Active): number {
  return (epoch << 8) | place;
}

const LAST_EPOCH = 254;
/** Epochs are made free again a block at a time: that many applies pass between two walks over the flows. */
const BLOCK = 64;

export function nextEpoch(epoch: number): number {
  return (epoch % LAST_EPOCH) + 1;
}

/** The epochs whose old stamps have to go before `epoch` is used, or null: they went with an earlier one of its block. */
export function findWornBlock(epoch: number): { first: number; last: number } | null {
  if ((epoch - 1) % BLOCK !== 0) return null;
  return { first: epoch, last: Math.min(epoch + BLOCK - 1, LAST_EPOCH) };
}
