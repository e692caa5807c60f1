import type { Host } from '../hosts/host.ts';
import type { DataAtRest } from '../plan/live-view.ts';
import type { Directives } from '../render/declare-directives.ts';

const HEAD_BYTES = 512;

/**
 * What a stopped node would load when started. An RDB tells in its first bytes which history it belongs to and how
 * far it reaches (aux fields `repl-id`, `repl-offset`: rdb.c, rdbSaveInfoAuxFields).
 */
export async function readDataAtRest(host: Host, directives: Directives): Promise<DataAtRest> {
  const first = (name: string, missing: string): string => directives.get(name)?.[0]?.[0] ?? missing;
  const dir = first('dir', '.');
  if (first('appendonly', 'no') === 'yes') {
    const name = first('appendfilename', 'appendonly.aof');
    const folder = first('appenddirname', 'appendonlydir');
    const candidates = [`${dir}/${folder}/${name}.manifest`, `${dir}/${name}`];
    const found = await Promise.all(candidates.map((file) => host.exists(file)));
    // With AOF on and no AOF there, the RDB is not read either: the node starts empty.
    return found.includes(true) ? { kind: 'unknown', isAppendOnly: true } : { kind: 'none' };
  }
  const file = `${dir}/${first('dbfilename', 'dump.rdb')}`;
  const head = await host.readHead(file, HEAD_BYTES);
  if (head === null) return { kind: 'none' };
  const replid = readAux(head, 'repl-id');
  const offset = Number(readAux(head, 'repl-offset') ?? Number.NaN);
  if (replid === null || Number.isNaN(offset)) return { kind: 'unknown', isAppendOnly: false };
  return { kind: 'known', replid, offset };
}

const AUX = 0xfa;

/** An aux field is 0xFA, a name and a value; numbers are written as integers where they fit (rdb.c, rdbSaveAuxField). */
function readAux(head: Buffer, name: string): string | null {
  const at = head.indexOf(Buffer.concat([Buffer.from([AUX, name.length]), Buffer.from(name)]));
  if (at < 0) return null;
  const value = at + 2 + name.length;
  const kind = head[value];
  switch (kind) {
    case undefined:
      return null;
    case 0xc0:
      return value + 2 <= head.length ? String(head.readInt8(value + 1)) : null;
    case 0xc1:
      return value + 3 <= head.length ? String(head.readInt16LE(value + 1)) : null;
    case 0xc2:
      return value + 5 <= head.length ? String(head.readInt32LE(value + 1)) : null;
    default:
      return kind < 64 ? head.toString('latin1', value + 1, value + 1 + kind) : null;
  }
}
