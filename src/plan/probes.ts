import type { NodeId } from '../topology/model.ts';
import { doubt, type Refusal } from './refusal.ts';

/** What no observation tells and was tried, each from the machine that will need it. */
export interface Probes {
  /** Nodes that the plan hangs below the master before it switches over. */
  readonly attached: readonly NodeId[];
  readonly addresses: readonly AddressProbe[];
  readonly confs: readonly ConfProbe[];
}

/** Whether a node can connect to the address under which it will be told to follow another. */
export interface AddressProbe {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly address: string;
  /** null when it can. */
  readonly trouble: string | null;
}

/** Whether a conf file that CONFIG REWRITE will replace can be replaced. */
export interface ConfProbe {
  readonly node: NodeId;
  readonly file: string;
  /** null when it can. */
  readonly trouble: string | null;
}

export function checkProbes({ addresses, confs }: Probes): Refusal[] {
  return [
    ...addresses.flatMap(({ from, to, address, trouble }) =>
      trouble === null
        ? []
        : [
            doubt(
              'AddressNotValid',
              to,
              `${from} would be told to follow ${to} at ${address}, and does not get there: ${trouble}`,
              trouble,
              'it answers',
            ),
          ],
    ),
    ...confs.flatMap(({ node, file, trouble }) =>
      trouble === null
        ? []
        : [
            doubt(
              'ConfNotWritable',
              node,
              `${file} of ${node} cannot be replaced: ${trouble}; a restart would undo the change`,
              trouble,
              'writable',
            ),
          ],
    ),
  ];
}
