import type { LinkTransportEvents } from '../../src/server/replication/master-link.ts';
import type { Endpoint } from './fake-network.ts';
import type { NodeParts } from './node.ts';

/** What lives from a start of a node to its end: after that nothing may reach it. */
export interface Life {
  isDead: boolean;
  readonly endpoints: Set<Endpoint>;
}

/** Connects to the node at `port`, after a while; refused when it is down. */
export function dial(
  { network, resolve }: NodeParts,
  life: Life,
  port: number,
  events: LinkTransportEvents,
): Endpoint {
  const [ours, theirs] = network.connect();
  life.endpoints.add(ours);
  ours.listen({
    data: (chunk) => {
      if (!life.isDead) events.data(chunk);
    },
    drain: () => undefined,
    closed: (reason) => {
      if (!life.isDead) events.closed(reason);
    },
  });
  network.clock.after(network.latencyMs(), () => {
    if (life.isDead || ours.isClosed) return;
    const target = resolve(port);
    if (target === undefined || !target.isUp) {
      ours.breakOff('connection refused');
      return;
    }
    target.accept(theirs);
    events.opened();
  });
  return ours;
}
