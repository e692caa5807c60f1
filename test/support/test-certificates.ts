import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { hasEngine } from './engines.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Why TLS with a redis-server can't be tried on this machine; null when it can. */
export function whyNoTls(): string | null {
  if (!hasOpenssl()) return 'openssl is not installed';
  if (!hasEngine('redis')) return 'redis-server is not installed';
  const { stderr, stdout } = spawnSync('redis-server', ['--port', '0', '--tls-port', '1'], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  // Without TLS built in, tls-port is refused before certificates are asked for.
  return /Bad directive|not built with TLS/i.test(stderr + stdout)
    ? 'redis-server was built without TLS'
    : null;
}

/** Puts an authority (`ca.crt`) and a certificate signed by it (`node.crt`, `node.key`) into a folder. */
export function createCertificates(folder: string): void {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { stdio: 'ignore', cwd: folder });
  const subject = (name: string): string[] => ['-subj', `/CN=${name}`];
  openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', ...subject('ca'));
  openssl('req', ...NEW_KEY, '-keyout', 'node.key', '-out', 'node.csr', ...subject('node'));
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  openssl('x509', '-req', '-in', 'node.csr', ...authority, '-out', 'node.crt', '-days', '2');
}

/** Flags of a server that speaks TLS on `tlsPort` and to its master, and trusts nobody without a certificate. */
export function tlsFlags(folder: string, tlsPort: number): string[] {
  const file = (name: string): string => path.join(folder, name);
  const directives = {
    'tls-port': String(tlsPort),
    'tls-replication': 'yes',
    'tls-auth-clients': 'yes',
    'tls-cert-file': file('node.crt'),
    'tls-key-file': file('node.key'),
    'tls-ca-cert-file': file('ca.crt'),
  };
  return Object.entries(directives).flatMap(([name, value]) => [`--${name}`, value]);
}
