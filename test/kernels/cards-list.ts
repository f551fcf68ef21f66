/** The guest's network cards: who has them, and which two are on one cable. Of a driver whose XDP works by queues of its own. */
export const CARDS = [
  { mac: '52:54:00:00:00:01', end: 'host', device: 'eth0', cable: 0 },
  { mac: '52:54:00:00:00:02', end: 'gw', device: 'eth0', cable: 0 },
  { mac: '52:54:00:00:00:03', end: 'gw', device: 'wan0', cable: 1 },
  { mac: '52:54:00:00:00:04', end: 'outside', device: 'eth0', cable: 1 },
] as const;
