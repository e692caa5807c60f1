import type { Finding } from '../finding.ts';
import type { Scene } from '../scene.ts';

/** Others that may change roles behind replctl's back. */
export function findControllers(scene: Scene): Finding[] {
  return scene.live.flatMap(({ id, controllers }): Finding[] => {
    const [first] = controllers;
    if (first === undefined) return [];
    return [
      {
        code: 'ForeignController',
        severity: 'warning',
        node: id,
        message:
          first.kind === 'sentinel'
            ? `${controllers.length} Sentinel${controllers.length === 1 ? '' : 's'} watch ${id} and may promote another node at any time`
            : `${id} runs in cluster mode: its roles are the cluster's to decide`,
        evidence: {
          controllers: controllers.map(({ name, address }) => `${name} ${address}`.trim()).join(', '),
        },
        mend: null,
      },
    ];
  });
}
