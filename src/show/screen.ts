/** Draws one text over the other. */
export interface Screen {
  draw(text: string): void;
}

/** On a terminal each text replaces the one before, without flicker; elsewhere they follow each other. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  if (!stream.isTTY) return { draw: (text) => void stream.write(`${text}\n\n`) };
  return {
    // Home, each line with what is right of it erased, then everything below.
    draw: (text) => void stream.write(`\u001B[H${text.replaceAll('\n', '\u001B[K\n')}\u001B[K\n\u001B[J`),
  };
}
