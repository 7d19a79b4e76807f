import { asBuffer, encodeText } from '../base/bytes.ts';

/**
 * The names of nodes as bytes and back. Each version carries one, and there are few: a name that
 * was met before is the same text again, or the same bytes, without any work on its characters.
 */
interface NameMet {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const met: NameMet[] = [];
/** More nodes than a ring has by far; names beyond are right too, only slower. */
const metMax = 64;

/** The name in some bytes of a message or record. */
export function nodeNameAt(bytes: Uint8Array, start: number, end: number): string {
  for (const known of met) if (isAt(bytes, start, end, known.bytes)) return known.name;
  const name = asBuffer(bytes).toString('utf8', start, end);
  if (met.length < metMax) met.push({ name, bytes: Uint8Array.from(bytes.subarray(start, end)) });
  return name;
}

/** A name as UTF-8; not to be changed. */
export function nodeNameBytes(name: string): Uint8Array {
  for (const known of met) if (known.name === name) return known.bytes;
  const bytes = encodeText(name);
  if (met.length < metMax) met.push({ name, bytes });
  return bytes;
}

function isAt(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (name.length !== end - start) return false;
  // From the end: names of one cluster often begin alike.
  for (let at = name.length - 1; at >= 0; at--) if (bytes[start + at] !== name[at]) return false;
  return true;
}
