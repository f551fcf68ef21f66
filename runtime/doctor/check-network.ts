import { explainUnheld, findUnheld } from '../plan/outsides.ts';
import { listInterfaces } from './check-devices.ts';
import type { Facts, Finding } from './facts.ts';

const AREA = { area: 'network' } as const;
const STRICT = 1;

export function* checkNetwork(facts: Facts): Generator<Finding> {
  yield* checkForwarding(facts);
  yield* checkReversePath(facts);
  yield* checkPorts(facts);
  yield* checkRoutes(facts);
  yield* checkOutsides(facts);
  for (const selector of facts.ipsec) {
    yield {
      ...AREA,
      id: 'ipsec',
      severity: 'warning',
      text: `IPsec policy ${selector}: what masqc forwards by itself does not meet it.`,
      why: 'Such packets would leave in the clear.',
      mend: 'an interface for the tunnel (ip link add … type xfrm), with its routes',
    };
  }
}

function* checkForwarding(facts: Facts): Generator<Finding> {
  const { snapshot, all } = facts;
  if (snapshot === null) return;
  const applied = snapshot.state !== null && snapshot.state.generation > 0;
  if (!snapshot.ipForward) {
    yield {
      ...AREA,
      id: 'forwarding-off',
      severity: applied ? 'error' : 'note',
      text: 'net.ipv4.ip_forward is 0.',
      why: applied
        ? 'The kernel gives no routes for packets that are not its own: nothing is forwarded.'
        : 'apply turns it on.',
      mend: applied ? 'sysctl -w net.ipv4.ip_forward=1' : null,
    };
  }
  for (const { device } of listInterfaces(facts)) {
    const known = facts.devices.find((one) => one.name === device);
    if (snapshot.ipForward && known?.forwarding === 0) {
      yield {
        ...AREA,
        id: 'forwarding-off',
        severity: 'error',
        text: `net.ipv4.conf.${device}.forwarding is 0.`,
        why: `Nothing that comes in by ${device} is forwarded.`,
        mend: `sysctl -w net/ipv4/conf/${device}/forwarding=1`,
      };
    }
    if ((known?.forwarding6 ?? all.forwarding6) === 1 && known?.acceptRa === 1) {
      yield {
        ...AREA,
        id: 'accept-ra',
        severity: 'warning',
        text: `${device} forwards IPv6 and has accept_ra 1.`,
        why: 'A forwarding interface ignores router advertisements then: an uplink loses its IPv6 default route.',
        mend: `sysctl -w net/ipv6/conf/${device}/accept_ra=2   (if it learns its routes so)`,
      };
    }
  }
}

/** rp_filter matters to what goes through the stack. The kernel takes the larger of all's and the device's. */
function* checkReversePath(facts: Facts): Generator<Finding> {
  const outer = facts.wanted?.interfaces.filter((one) => one.hides).map((one) => one.device) ?? [];
  const uplinks = new Set([
    ...outer,
    ...facts.routes.filter((one) => one.destination === 'default').flatMap((one) => one.devices),
  ]);
  for (const { device } of listInterfaces(facts)) {
    const known = facts.devices.find((one) => one.name === device);
    const value = Math.max(facts.all.rpFilter ?? 0, known?.rpFilter ?? 0);
    if (value !== STRICT || !uplinks.has(device)) continue;
    const several = uplinks.size > 1;
    yield {
      ...AREA,
      id: 'rp-filter',
      severity: several ? 'warning' : 'fine',
      text: `${device}: rp_filter is strict (1)${several ? `, beside ${[...uplinks].filter((one) => one !== device).join(', ')}.` : ', which one uplink bears'}`,
      why: several
        ? 'The stack drops what comes in by an uplink that is not the best way back: the gateway’s own connections, and packets that masqc leaves to the stack (errors, pieces).'
        : '',
      mend: several ? `sysctl -w net/ipv4/conf/all/rp_filter=0 net/ipv4/conf/${device}/rp_filter=2` : null,
    };
  }
}

function* checkPorts({ wanted, snapshot, sockets }: Facts): Generator<Finding> {
  if (wanted === null || snapshot === null) return;
  const [first, last] = snapshot.localPorts;
  for (const pool of wanted.pools) {
    if (Math.max(first, pool.first) <= Math.min(last, pool.last)) {
      yield {
        ...AREA,
        id: 'local-ports',
        severity: 'warning',
        text: `Masquerade ${pool.name} has the ports ${pool.first}-${pool.last}, the gateway's own connections ${first}-${last}.`,
        why: 'A new connection of either kind may find its port taken.',
        mend:
          pool.first > 32768
            ? `sysctl -w net.ipv4.ip_local_port_range="${first} ${pool.first - 1}"`
            : `ports outside ${first}-${last}`,
      };
    }
    const bound = sockets.filter(({ port }) => port >= pool.first && port <= pool.last);
    const names = [...new Set(bound.map((one) => `${one.protocol} ${one.port}`))];
    if (names.length === 0) continue;
    const listening = bound.some((one) => one.listening);
    yield {
      ...AREA,
      id: 'sockets-in-pool',
      severity: 'note',
      text: `Sockets of the gateway hold ports of masquerade ${pool.name}: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}.`,
      why: `Those ports are given to nobody else${listening ? '; a service that listens there is reached only if a policy to self lets it' : ''}.`,
      mend: null,
    };
  }
}

function* checkOutsides({ wanted, snapshot }: Facts): Generator<Finding> {
  if (wanted === null || snapshot === null) return;
  for (const unheld of findUnheld(wanted, snapshot)) {
    const { text, why, mend } = explainUnheld(unheld);
    yield { ...AREA, id: 'outside-address', severity: 'note', text, why, mend };
  }
}

function* checkRoutes({ routes, wanted, snapshot }: Facts): Generator<Finding> {
  if (wanted === null || snapshot === null) return;
  const declared = new Set(wanted.interfaces.map((one) => one.device));
  const hidden = new Set(wanted.interfaces.filter((one) => one.hides).map((one) => one.device));
  for (const { destination, devices } of routes) {
    for (const device of devices) {
      if (!declared.has(device)) {
        yield {
          ...AREA,
          id: 'route-undeclared',
          severity: destination === 'default' ? 'warning' : 'note',
          text: `The route to ${destination} leads out by ${device}, which is no interface of the file.`,
          why: 'What would leave there is dropped.',
          mend: `interface NAME = ${device}`,
        };
      } else if (devices.length > 1 && hidden.size > 0 && !hidden.has(device)) {
        yield {
          ...AREA,
          id: 'multipath',
          severity: 'warning',
          text: `The route to ${destination} is split over ${devices.join(', ')}, and no masquerade names ${device}.`,
          why: 'Some connections would leave untranslated, and are dropped or never answered.',
          mend: 'the same masquerade `interface`s as next hops',
        };
      }
    }
  }
}
