import { ReplctlError } from '../errors.ts';
import type { Client } from '../observe/client.ts';
import type { NodeId } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';

/**
 * Asks nodes side by side, each once. One that cannot be asked is left out: this is for what an operation tells, never
 * for what it depends on.
 */
export async function askEach<Answer>(
  deployment: Deployment,
  nodes: Iterable<NodeId>,
  timeoutMs: number,
  ask: (client: Client) => Promise<Answer>,
): Promise<Map<NodeId, Answer>> {
  const answers = await Promise.all(
    [...new Set(nodes)].map(async (id): Promise<[NodeId, Answer][]> => {
      try {
        const client = await deployment.connect(id, timeoutMs);
        try {
          return [[id, await ask(client)]];
        } finally {
          client.close();
        }
      } catch (error) {
        if (error instanceof ReplctlError) return [];
        throw error;
      }
    }),
  );
  return new Map(answers.flat());
}
