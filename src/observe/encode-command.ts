/** A command as a client sends it: an array of bulk strings (https://redis.io/docs/latest/develop/reference/protocol-spec). */
export function encodeCommand(args: readonly (string | Buffer)[]): Buffer {
  const parts = args.flatMap((arg) => [
    Buffer.from(`$${Buffer.byteLength(arg)}\r\n`),
    Buffer.from(arg),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}
