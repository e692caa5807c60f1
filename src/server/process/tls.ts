import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import type { LiveConfig } from '../config/live-config.ts';
import { Listener, type Endpoint } from '../net/listener.ts';
import type { Server } from '../server.ts';

/** Accepts TLS connections and hands them to the server. */
export interface TlsAcceptor {
  listen(endpoint: Endpoint): Promise<void>;
  close(): void;
}

type Resolve = (file: string) => string;

/** A TLS listener as the `tls-…` directives describe it; throws what the disk or OpenSSL says of the files. */
export function createTlsAcceptor(server: Server, config: LiveConfig, resolve: Resolve): TlsAcceptor {
  const listener = new Listener(server);
  const authenticates = config.text('tls-auth-clients');
  const acceptor = tls.createServer(
    {
      ...certificate(config, resolve, 'tls-cert-file', 'tls-key-file', 'tls-key-file-pass'),
      ...common(config, resolve),
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
    acceptor.setSecureContext({
      ...certificate(config, resolve, 'tls-cert-file', 'tls-key-file', 'tls-key-file-pass'),
      ...common(config, resolve),
    });
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

/** What a connection to a TLS master needs: our client certificate, and whom we trust. */
export function tlsClientOptions(config: LiveConfig, resolve: Resolve): tls.ConnectionOptions {
  const own = config.text('tls-client-cert-file') === '' ? 'tls' : 'tls-client';
  return {
    ...certificate(config, resolve, `${own}-cert-file`, `${own}-key-file`, `${own}-key-file-pass`),
    ...common(config, resolve),
    // As Redis: the chain is verified, the host name is not.
    checkServerIdentity: () => undefined,
  };
}

function certificate(
  config: LiveConfig,
  resolve: Resolve,
  cert: string,
  key: string,
  pass: string,
): tls.SecureContextOptions {
  if (config.text(cert) === '') return {};
  return {
    cert: readFileSync(resolve(config.text(cert))),
    key: readFileSync(resolve(config.text(key))),
    ...(config.text(pass) === '' ? {} : { passphrase: config.text(pass) }),
  };
}

function common(config: LiveConfig, resolve: Resolve): tls.SecureContextOptions {
  const authorities = readAuthorities(config, resolve);
  const protocols = config.words('tls-protocols').map((name) => name.toUpperCase());
  const ciphers = [config.text('tls-ciphersuites'), config.text('tls-ciphers')]
    .filter((text) => text !== '')
    .join(':');
  return {
    ...(authorities.length === 0 ? {} : { ca: authorities }),
    ...(ciphers === '' ? {} : { ciphers }),
    ...(protocols.length === 0
      ? {}
      : {
          minVersion: protocols.includes('TLSV1.2') ? ('TLSv1.2' as const) : ('TLSv1.3' as const),
          maxVersion: protocols.includes('TLSV1.3') ? ('TLSv1.3' as const) : ('TLSv1.2' as const),
        }),
  };
}

function readAuthorities(config: LiveConfig, resolve: Resolve): Buffer[] {
  const file = config.text('tls-ca-cert-file');
  const folder = config.text('tls-ca-cert-dir');
  const files = file === '' ? [] : [resolve(file)];
  if (folder !== '')
    files.push(...readdirSync(resolve(folder)).map((name) => path.join(resolve(folder), name)));
  return files.map((name) => readFileSync(name));
}
