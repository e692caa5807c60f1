/** `6380`, `host:6380`, `[::1]:6380` → its parts; null when the port is not one from 1 to 65535. */
export function splitAddress(
  address: string,
): { readonly host: string | null; readonly port: number } | null {
  const match = /^(?:(.+):)?([0-9]{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) return null;
  const host = match[1]?.replace(/^\[(.*)\]$/, '$1') ?? null;
  return { host, port };
}

/** A loopback name or address: the node lives on this machine, and only this machine reaches it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Names of one and the same loopback interface compare equal; `127.0.0.2` is another address. */
export function canonicalHost(host: string): string {
  return host === 'localhost' || host === '::1' ? '127.0.0.1' : host.toLowerCase();
}
