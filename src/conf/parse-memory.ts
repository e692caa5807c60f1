const UNIT_BYTES: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000n ** 2n,
  mb: 1024n ** 2n,
  g: 1000n ** 3n,
  gb: 1024n ** 3n,
};

/** Bytes of a redis.conf memory value: `k` is 1000, `kb` is 1024, in any case; nothing else, no sign, no fraction. */
export function parseMemory(text: string): bigint | undefined {
  const match = /^([0-9]{1,127})([a-z]*)$/i.exec(text);
  const unit = UNIT_BYTES[match?.[2]?.toLowerCase() ?? '?'];
  if (match?.[1] === undefined || unit === undefined) return undefined;
  return BigInt(match[1]) * unit;
}

/** The shortest exact form with Redis' units of 1024, as CONFIG REWRITE writes it. */
export function formatMemory(bytes: bigint): string {
  for (const unit of ['gb', 'mb', 'kb']) {
    const size = UNIT_BYTES[unit] ?? 1n;
    if (bytes > 0n && bytes % size === 0n) return `${String(bytes / size)}${unit}`;
  }
  return String(bytes);
}
