import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { ConnectionOptions, SecureContextOptions } from 'node:tls';
import type { LiveConfig } from '../config/live-config.ts';

/** Makes a path of the configuration absolute. */
export type Resolve = (file: string) => string;

/** What our TLS ports need: the certificate we show, and whom we trust. Plain data. */
export function tlsServerOptions(config: LiveConfig, resolve: Resolve): SecureContextOptions {
  return contextOptions(config, resolve, 'tls');
}

/** What a connection to another server's TLS port needs: our client certificate, and whom we trust. Plain data. */
export function tlsClientOptions(config: LiveConfig, resolve: Resolve): ConnectionOptions {
  return contextOptions(config, resolve, config.text('tls-client-cert-file') === '' ? 'tls' : 'tls-client');
}

/** `own` begins the names of the directives that tell our certificate. */
function contextOptions(config: LiveConfig, resolve: Resolve, own: string): SecureContextOptions {
  return { ...certificate(config, resolve, own), ...commonOptions(config, resolve) };
}

/** The certificate and key; nothing when they are unset. */
function certificate(config: LiveConfig, resolve: Resolve, own: string): SecureContextOptions {
  const [cert, key, pass] = ['cert-file', 'key-file', 'key-file-pass'].map((name) =>
    config.text(`${own}-${name}`),
  ) as [string, string, string];
  if (cert === '') return {};
  return {
    cert: readFileSync(resolve(cert)),
    key: readFileSync(resolve(key)),
    ...(pass === '' ? {} : { passphrase: pass }),
  };
}

/** Whom to trust and what to speak, for both sides. */
function commonOptions(config: LiveConfig, resolve: Resolve): SecureContextOptions {
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
