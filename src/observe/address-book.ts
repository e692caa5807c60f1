import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeId, NodeSpec } from '../topology/model.ts';

/** Tells which declared node an address means, as another node spells it. */
export interface AddressBook {
  /** `seenFrom` matters: a node's own 127.0.0.1 is its host, not ours. null when it is none of the declared ones. */
  readonly findNode: (host: string, port: number, seenFrom: NodeSpec) => NodeId | null;
}

const LOOKUP_TIMEOUT_MS = 1_000;
const THIS_MACHINE = 'this machine';

/** Resolves every name once; a name that does not resolve in time equals only itself. */
export async function makeAddressBook(
  nodes: readonly NodeSpec[],
  seenHosts: readonly string[],
): Promise<AddressBook> {
  const names = new Set([
    ...seenHosts,
    ...nodes.flatMap(({ host, announce }) => [host, announce?.host ?? host]),
  ]);
  const places = new Map(
    await Promise.all([...names].map(async (name) => [name, await findPlaces(name)] as const)),
  );
  const placesOf = (name: string, seenFrom: NodeSpec): ReadonlySet<string> =>
    isLoopback(name) && name !== seenFrom.host
      ? placesOf(seenFrom.host, seenFrom)
      : (places.get(name) ?? new Set([name]));
  return {
    findNode(host, port, seenFrom) {
      const wanted = placesOf(host, seenFrom);
      const isThere = (name: string, node: NodeSpec): boolean =>
        [...(places.get(name) ?? placesOf(name, node))].some((place) => wanted.has(place));
      const found = nodes.find(
        (node) =>
          (node.port === port && isThere(node.host, node)) ||
          (node.announce !== null &&
            (node.announce.port ?? node.port) === port &&
            isThere(node.announce.host ?? node.host, node)),
      );
      return found?.id ?? null;
    },
  };
}

/** All addresses of this machine are one place. */
async function findPlaces(name: string): Promise<ReadonlySet<string>> {
  const addresses = isIP(name) === 0 ? await lookUp(name) : [unmap(name)];
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map(({ address }) => address)),
  );
  return new Set([
    name.toLowerCase(),
    ...addresses.map((address) => (isLoopback(address) || own.has(address) ? THIS_MACHINE : address)),
  ]);
}

async function lookUp(name: string): Promise<string[]> {
  const found = lookup(name, { all: true }).then(
    (entries) => entries.map(({ address }) => unmap(address)),
    () => [],
  );
  return Promise.race([found, sleep(LOOKUP_TIMEOUT_MS, [], { ref: false })]);
}

function isLoopback(address: string): boolean {
  return unmap(address).startsWith('127.') || address === '::1' || address === 'localhost';
}

/** An IPv4 address as an IPv6 socket shows it. */
function unmap(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') ? address.slice(7) : address;
}
