import { poll } from './poll.ts';

/**
 * Waits until replicas have applied all that the master had in its stream when asked. WAIT would not do from a
 * connection of its own: it counts from the last write of the connection that calls it.
 */
export async function caughtUp<Node>(
  call: (node: Node, command: string, section: string) => Promise<unknown>,
  master: Node,
  replicas: readonly Node[],
): Promise<void> {
  const offset = async (node: Node, field: string): Promise<number> => {
    const text = String(await call(node, 'INFO', 'replication'));
    return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1] ?? -1);
  };
  const goal = await offset(master, 'master_repl_offset');
  for (const replica of replicas) {
    await poll(
      `${String(replica)} has applied ${goal}`,
      async () => (await offset(replica, 'slave_repl_offset')) >= goal,
    );
  }
}
