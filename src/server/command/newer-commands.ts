/**
 * A command that newer masters put into their streams and that no client has here, in the words of 7.2: MSETEX of Redis
 * 8.4 and Valkey 9.1. Undefined for what is not known here either, or is not of the form these servers send. A master
 * sends what it has done, so conditions have held and are left out. Binary strings.
 */
export function inKnownForm(argv: readonly string[]): readonly (readonly string[])[] | undefined {
  if (argv[0]?.toUpperCase() !== 'MSETEX') return undefined;
  // MSETEX count key value … [NX|XX] [PXAT ms|KEEPTTL]: several SETs.
  const count = Number(argv[1]);
  const options = argv.slice(2 + count * 2).filter((word) => !/^(?:NX|XX)$/i.test(word));
  if (!(count >= 1) || argv.length < 2 + count * 2) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const [key = '', value = ''] = argv.slice(2 + i * 2);
    return ['SET', key, value, ...options];
  });
}
