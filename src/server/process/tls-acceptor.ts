import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import type { LiveConfig } from '../config/live-config.ts';
import { Listener, type Endpoint } from '../net/listener.ts';
import type { Server } from '../server.ts';
import { tlsServerOptions, type Resolve } from './tls-options.ts';

/** Accepts TLS connections and hands them to the server. */
export interface TlsAcceptor {
  listen(endpoint: Endpoint): Promise<void>;
  close(): void;
}

/** A TLS listener as the `tls-…` directives describe it; throws what the disk or OpenSSL says of the files. */
export function createTlsAcceptor(server: Server, config: LiveConfig, resolve: Resolve): TlsAcceptor {
  const listener = new Listener(server);
  const authenticates = config.text('tls-auth-clients');
  const acceptor = tls.createServer(
    {
      ...tlsServerOptions(config, resolve),
      ...(config.text('tls-dh-params-file') === ''
        ? {}
        : { dhparam: readFileSync(resolve(config.text('tls-dh-params-file'))) }),
      honorCipherOrder: config.flag('tls-prefer-server-ciphers'),
      sessionTimeout: config.number('tls-session-cache-timeout'),
      requestCert: authenticates !== 'no',
      rejectUnauthorized: authenticates === 'yes',
    },
    (socket) => listener.adopt(socket),
  );
  acceptor.on('tlsClientError', (error) => {
    server.log('verbose', `Error accepting a client connection: ${error.message}`);
  });
  config.onChange('tls-cert-file', () => refresh());
  config.onChange('tls-key-file', () => refresh());

  /** New certificates hold for connections to come. */
  function refresh(): void {
    acceptor.setSecureContext(tlsServerOptions(config, resolve));
  }

  return {
    listen: async (endpoint) =>
      new Promise((done, failed) => {
        acceptor.once('error', failed);
        acceptor.listen(endpoint, () => {
          acceptor.off('error', failed);
          done();
        });
      }),
    close: () => void acceptor.close(),
  };
}
