import type { LiveConfig } from '../config/live-config.ts';
import type { Server } from '../server.ts';
import { tlsClientOptions, tlsServerOptions, type Resolve } from './tls-options.ts';

/** Directives that a connection depends on; `tls-port` opens its own. */
const DIRECTIVES = [
  'tls-cluster',
  'tls-replication',
  'tls-prefer-server-ciphers',
  'tls-cert-file',
  'tls-key-file',
  'tls-key-file-pass',
  'tls-client-cert-file',
  'tls-client-key-file',
  'tls-client-key-file-pass',
  'tls-dh-params-file',
  'tls-ca-cert-file',
  'tls-ca-cert-dir',
  'tls-protocols',
  'tls-ciphers',
  'tls-ciphersuites',
] as const;

/**
 * Has CONFIG SET refuse what no TLS connection could be made with, while one may be wanted (source: applyTlsCfg in
 * config.c). Returns false, with the reason in the log, when the configuration is bad already.
 */
export function checkTls(server: Server, config: LiveConfig, resolve: Resolve): boolean {
  const isGood = (): boolean => {
    const isWanted =
      config.number('tls-port') !== 0 || config.flag('tls-replication') || config.flag('tls-cluster');
    const problem = isWanted ? findTlsProblem(config, resolve) : undefined;
    if (problem !== undefined) server.log('warning', problem);
    return problem === undefined;
  };
  for (const name of DIRECTIVES)
    config.onApply(name, () =>
      isGood() ? undefined : 'Unable to update TLS configuration. Check server logs.',
    );
  return isGood();
}

/** Why no TLS connection could be made, most of it in Redis' words (source: tlsConfigure in tls.c). */
export function findTlsProblem(config: LiveConfig, resolve: Resolve): string | undefined {
  for (const name of ['tls-cert-file', 'tls-key-file'])
    if (config.text(name) === '') return `No ${name} configured!`;
  const wantsAuthority =
    config.text('tls-auth-clients') !== 'no' || config.flag('tls-cluster') || config.flag('tls-replication');
  if (wantsAuthority && config.text('tls-ca-cert-file') === '' && config.text('tls-ca-cert-dir') === '')
    return 'Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!';
  // Not imported: a server without TLS does not pay for it.
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  try {
    createSecureContext(tlsServerOptions(config, resolve));
    createSecureContext(tlsClientOptions(config, resolve));
    return undefined;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return `Failed to load the TLS certificates and keys: ${error.message}`;
  }
}
