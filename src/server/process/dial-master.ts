import type { LiveConfig } from '../config/live-config.ts';
import { dial } from '../net/dial.ts';
import type { ReplicationParts } from '../replication/attach-replication.ts';
import { tlsClientOptions } from './tls-options.ts';

/** How a replica reaches its master: from the configured address, over TLS when replication is to use it. */
export function dialMaster(
  config: LiveConfig,
  inFolder: (file: string) => string,
): ReplicationParts['connect'] {
  return ({ host, port }, events) => {
    const source = config.text('bind-source-addr');
    const tls = config.flag('tls-replication') ? tlsClientOptions(config, inFolder) : undefined;
    return dial(host, port, events, { ...(source === '' ? {} : { localAddress: source }), tls });
  };
}
