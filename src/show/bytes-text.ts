/** Bytes as text where they are UTF-8, else in base64: nothing is lost on the way through JSON. */
export type BytesText = string | { readonly base64: string };

export function toBytesText(bytes: Buffer): BytesText {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : { base64: bytes.toString('base64') };
}

const SHOWN_CHARACTERS = 60;

/** For a line of text: quoted where it must be, and only the beginning of what is long. */
export function drawBytesText(text: BytesText): string {
  if (typeof text !== 'string') return `base64:${text.base64.slice(0, SHOWN_CHARACTERS)}`;
  const short = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return /^[\w:.@/+*=-]+$/.test(short) ? short : JSON.stringify(short);
}
