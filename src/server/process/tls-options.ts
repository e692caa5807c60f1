import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { ConnectionOptions, SecureContextOptions } from 'node:tls';
import type { LiveConfig } from '../config/live-config.ts';

/** Makes a path of the configuration absolute. */
export type Resolve = (file: string) => string;

/** What a connection to another server's TLS port needs: our client certificate, and whom we trust. Plain data. */
export function tlsClientOptions(config: LiveConfig, resolve: Resolve): ConnectionOptions {
  const own = config.text('tls-client-cert-file') === '' ? 'tls' : 'tls-client';
  return {
    ...tlsCertificate(config, resolve, `${own}-cert-file`, `${own}-key-file`, `${own}-key-file-pass`),
    ...tlsCommonOptions(config, resolve),
  };
}

/** The certificate and key that some directives name; nothing when they are unset. */
export function tlsCertificate(
  config: LiveConfig,
  resolve: Resolve,
  cert: string,
  key: string,
  pass: string,
): SecureContextOptions {
  if (config.text(cert) === '') return {};
  return {
    cert: readFileSync(resolve(config.text(cert))),
    key: readFileSync(resolve(config.text(key))),
    ...(config.text(pass) === '' ? {} : { passphrase: config.text(pass) }),
  };
}

/** Whom to trust and what to speak, for both sides. */
export function tlsCommonOptions(config: LiveConfig, resolve: Resolve): SecureContextOptions {
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
