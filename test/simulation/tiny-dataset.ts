/** A dataset just big enough to tell whether a stream was applied completely, once, and in order. */
export class TinyDataset {
  #values = new Map<string, string>();

  get size(): number {
    return this.#values.size;
  }

  get(db: number, key: string): string | undefined {
    return this.#values.get(`${db}/${key}`);
  }

  /** APPEND shows what was lost, doubled or swapped; SET and DEL keep it from growing. */
  apply(db: number, args: readonly string[]): void {
    const [name, key = '', value = ''] = args;
    const place = `${db}/${key}`;
    if (name === 'SET') this.#values.set(place, value);
    else if (name === 'APPEND') this.#values.set(place, `${this.#values.get(place) ?? ''}${value}`);
    else if (name === 'DEL') this.#values.delete(place);
  }

  digest(): string {
    return JSON.stringify([...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  dump(): Buffer {
    return Buffer.from(JSON.stringify([...this.#values]));
  }

  load(bytes: Buffer): void {
    this.#values = new Map(JSON.parse(bytes.toString()) as [string, string][]);
  }

  clear(): void {
    this.#values.clear();
  }
}

/** Reads whole commands off the front of a RESP stream. Returns them with the number of bytes each took. */
export function readCommands(bytes: Buffer): { args: string[]; length: number }[] {
  const commands: { args: string[]; length: number }[] = [];
  for (let from = 0; from < bytes.length;) {
    const command = readCommand(bytes, from);
    if (command === null) break;
    commands.push(command);
    from += command.length;
  }
  return commands;
}

function readCommand(bytes: Buffer, from: number): { args: string[]; length: number } | null {
  if (bytes[from] === 0x0a) return { args: [], length: 1 };
  if (bytes[from] !== 0x2a)
    throw new Error(`the stream is out of step: ${bytes.toString('latin1', from, from + 40)}`);
  const head = bytes.indexOf('\r\n', from);
  if (head === -1) return null;
  const count = Number(bytes.toString('latin1', from + 1, head));
  const args: string[] = [];
  let at = head + 2;
  for (let index = 0; index < count; index += 1) {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return null;
    const length = Number(bytes.toString('latin1', at + 1, end));
    if (bytes.length < end + 2 + length + 2) return null;
    args.push(bytes.toString('latin1', end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return { args, length: at - from };
}
