import { DEFAULT_ENCODING_LIMITS, type EncodingLimits } from '../../keyspace/values/encoding.ts';
import type { Context } from '../context.ts';

/** The limits of compact encodings as the directives set them; Redis' defaults where one is not set. */
export function encodingLimits({ server: { config } }: Context): EncodingLimits {
  const read = (name: string, fallback: number): number => {
    const text = config.text(name);
    return text === '' ? fallback : Number(text);
  };
  const defaults = DEFAULT_ENCODING_LIMITS;
  return {
    listMaxListpackSize: read('list-max-listpack-size', defaults.listMaxListpackSize),
    hashMaxListpackEntries: read('hash-max-listpack-entries', defaults.hashMaxListpackEntries),
    hashMaxListpackValue: read('hash-max-listpack-value', defaults.hashMaxListpackValue),
    setMaxIntsetEntries: read('set-max-intset-entries', defaults.setMaxIntsetEntries),
    setMaxListpackEntries: read('set-max-listpack-entries', defaults.setMaxListpackEntries),
    setMaxListpackValue: read('set-max-listpack-value', defaults.setMaxListpackValue),
    zsetMaxListpackEntries: read('zset-max-listpack-entries', defaults.zsetMaxListpackEntries),
    zsetMaxListpackValue: read('zset-max-listpack-value', defaults.zsetMaxListpackValue),
  };
}
