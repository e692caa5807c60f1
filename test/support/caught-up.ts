import { poll } from './poll.ts';

/**
 * Waits until replicas have their link up, the master's history, and all that is in its stream. WAIT would not do from
 * a connection of its own: it counts from the last write of the connection that calls it.
 */
export async function caughtUp<Node>(
  info: (node: Node) => Promise<Readonly<Record<string, string>>>,
  master: Node,
  replicas: readonly Node[],
): Promise<void> {
  await poll(`${replicas.join(', ')} at the offset of ${String(master)}`, async () => {
    const target = await info(master);
    const states = await Promise.all(replicas.map(info));
    return states.every(
      (state) =>
        state['master_link_status'] === 'up' &&
        state['master_replid'] === target['master_replid'] &&
        Number(state['slave_repl_offset']) >= Number(target['master_repl_offset']),
    );
  });
}
