import { REGISTERS } from '../../hyperloglog/hash-element.ts';
import { selfTest } from '../../hyperloglog/self-test.ts';
import { CorruptSketchError, countRegisters, Sketch } from '../../hyperloglog/sketch.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS, printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family, Handler } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';

export const hyperloglogCommands: Family = {
  pfadd: orCorrupt(pfadd),
  pfcount: orCorrupt((ctx, args) => (args.count === 2 ? countOne(ctx, args) : countUnion(ctx, args))),
  pfmerge: orCorrupt(pfmerge),
  pfdebug: orCorrupt(pfdebug),
  pfselftest(ctx) {
    const failure = selfTest(ctx.server.random, sparseMaxBytes(ctx));
    if (failure !== undefined) throw new ReplyError(`ERR TESTFAILED ${failure}`);
    ctx.reply.ok();
  },
};

const NOT_A_SKETCH = new ReplyError('WRONGTYPE Key is not a valid HyperLogLog string value.');
const CORRUPT = new ReplyError('INVALIDOBJ Corrupted HLL object detected');
const NO_SUCH_KEY = new ReplyError('ERR The specified key does not exist');

function orCorrupt(handler: Handler): Handler {
  return (ctx, args) => {
    try {
      handler(ctx, args);
    } catch (error) {
      if (error instanceof CorruptSketchError) throw CORRUPT;
      throw error;
    }
  };
}

function sparseMaxBytes({ server }: Context): number {
  return server.config.number('hll-sparse-max-bytes');
}

/** The sketch in an entry; a dense one lies in the keyspace itself. */
function sketchAt({ db }: Context, ref: number): Sketch {
  db.locateValue(ref);
  const sketch = Sketch.of(db.at.subarray(db.from, db.to));
  if (sketch === undefined) throw NOT_A_SKETCH;
  return sketch;
}

/** The sketch in an entry, to be changed and then given to `store`. */
function openSketch(ctx: Context, ref: number): Sketch {
  if (ref === 0) return Sketch.empty();
  ctx.db.willChange(ref);
  const sketch = sketchAt(ctx, ref);
  ctx.db.setRaw(ref, true);
  return sketch;
}

/** Puts a sketch back under the key in argument `i`, whose entry is `ref`; a dense one may be there already. */
function store(ctx: Context, args: Args, i: number, ref: number, sketch: Sketch): void {
  const { db } = ctx;
  const { bytes, length } = sketch;
  if (ref === 0) {
    db.setRaw(ctx.insertString(args, i, bytes, 0, length), true);
    return;
  }
  db.locateValue(ref);
  const isInPlace = bytes.buffer === db.at.buffer && bytes.byteOffset === db.at.byteOffset + db.from;
  if (!isInPlace) db.setRaw(db.replaceString(ref, bytes, 0, length, true), true);
}

function pfadd(ctx: Context, args: Args): void {
  const ref = ctx.writeString(args, 1);
  const sketch = openSketch(ctx, ref);
  const maxBytes = sparseMaxBytes(ctx);
  let changes = ref === 0 ? 1 : 0;
  for (let i = 2; i < args.count; i += 1)
    if (sketch.add(args.buf, args.start(i), args.end(i), maxBytes)) changes += 1;
  if (changes > 0) {
    sketch.dropCount();
    store(ctx, args, 1, ref, sketch);
    ctx.changed(args, 1, EVENT.string, 'pfadd', changes);
  }
  ctx.reply.int(changes > 0 ? 1 : 0);
}

/** Keeps the count in the key, which is a change that replicas and AOF must follow to hold the same bytes. */
function countOne(ctx: Context, args: Args): void {
  const ref = ctx.readString(args, 1);
  if (ref === 0) {
    ctx.reply.int(0);
    return;
  }
  const sketch = openSketch(ctx, ref);
  let count = sketch.knownCount;
  if (count === undefined) {
    count = sketch.count();
    store(ctx, args, 1, ref, sketch);
    ctx.dirty += 1;
    ctx.touch(args.string(1));
  }
  ctx.reply.int(count);
}

function countUnion(ctx: Context, args: Args): void {
  ctx.reply.int(countRegisters(unionOf(ctx, args).registers));
}

/** The registers of all keys from argument 1 on together. */
function unionOf(ctx: Context, args: Args): { readonly registers: Uint8Array; readonly hasDense: boolean } {
  const registers = new Uint8Array(REGISTERS);
  let hasDense = false;
  for (let i = 1; i < args.count; i += 1) {
    const ref = ctx.readString(args, i);
    if (ref === 0) continue;
    const sketch = sketchAt(ctx, ref);
    hasDense ||= sketch.isDense;
    sketch.mergeInto(registers);
  }
  return { registers, hasDense };
}

function pfmerge(ctx: Context, args: Args): void {
  const { registers, hasDense } = unionOf(ctx, args);
  const ref = ctx.write(args, 1);
  const sketch = openSketch(ctx, ref);
  if (hasDense) sketch.makeDense();
  sketch.raiseAll(registers, sparseMaxBytes(ctx));
  store(ctx, args, 1, ref, sketch);
  ctx.changed(args, 1, EVENT.string, 'pfadd');
  ctx.reply.ok();
}

function pfdebug(ctx: Context, args: Args): void {
  const ref = ctx.write(args, 2);
  if (ref === 0) throw NO_SUCH_KEY;
  if (!ctx.db.isString(ref)) throw ERRORS.wrongType;
  const sketch = openSketch(ctx, ref);
  const wasSparse = !sketch.isDense;
  const makeDense = (): void => {
    if (!wasSparse) return;
    sketch.makeDense();
    store(ctx, args, 2, ref, sketch);
    ctx.dirty += 1;
  };
  switch (args.upper(1)) {
    case 'GETREG': {
      makeDense();
      const registers = sketch.registers();
      ctx.reply.arrayHeader(REGISTERS);
      for (const value of registers) ctx.reply.int(value);
      return;
    }
    case 'DECODE':
      if (!wasSparse) throw new ReplyError('ERR HLL encoding is not sparse');
      ctx.reply.bulkString(sketch.describe());
      return;
    case 'ENCODING':
      ctx.reply.simple(wasSparse ? 'sparse' : 'dense');
      return;
    case 'TODENSE':
      makeDense();
      ctx.reply.int(wasSparse ? 1 : 0);
      return;
    default:
      throw new ReplyError(`ERR Unknown PFDEBUG subcommand '${printable(args.string(1))}'`);
  }
}
