import type { Server } from '../server.ts';

/**
 * How replicas and AOF are told that a key went by itself: by UNLINK where the directive is on, as Redis does, so that
 * a real replica frees it in the way it was meant to.
 */
export function removalVerb(
  server: Server,
  directive: 'lazyfree-lazy-expire' | 'lazyfree-lazy-eviction' | 'lazyfree-lazy-server-del',
): 'DEL' | 'UNLINK' {
  return server.config.flag(directive) ? 'UNLINK' : 'DEL';
}
