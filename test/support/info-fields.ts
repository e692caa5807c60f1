/** The fields of a reply to INFO. */
export function infoFields(reply: unknown): Record<string, string> {
  const pairs = String(reply)
    .split('\r\n')
    .filter((line) => line.includes(':'));
  return Object.fromEntries(
    pairs.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
