import type { SecretState } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, specOf } from '../scene.ts';

/** Passwords that are not the declared ones: it works until something reconnects, or anybody may come in. */
export function findSecrets(scene: Scene): Finding[] {
  return scene.live.flatMap(({ id, secrets }): Finding[] => {
    const auth = specOf(scene, id)?.auth ?? null;
    if (auth === null || auth.password === null) return [];
    const differs = (state: SecretState): boolean => state === 'unset' || state === 'other';
    // With an ACL file the users' passwords are there, and requirepass says nothing.
    const wrong = [
      ...(auth.aclFile === null && differs(secrets.requirepass) ? ['requirepass'] : []),
      ...(differs(secrets.masterauth) ? ['masterauth'] : []),
    ];
    if (wrong.length === 0) return [];
    const isOpen = wrong.includes('requirepass') && secrets.requirepass === 'unset';
    return [
      {
        code: 'PasswordDrift',
        severity: isOpen ? 'error' : 'warning',
        node: id,
        message: isOpen
          ? `${id} asks for no password, where one is declared: anybody who reaches it may use it`
          : `${id}: ${wrong.join(' and ')} ${wrong.length === 1 ? 'is' : 'are'} not the declared password: its next reconnect may fail`,
        evidence: { requirepass: secrets.requirepass, masterauth: secrets.masterauth },
        mend: 'replctl up',
      },
    ];
  });
}
