import type { EntryAnswer, ImportedEntry, PlainValue } from '../client/answers.ts';
import { formatKey, parseKey } from '../config/key-spelling.ts';
import { formatTime, parseTime } from '../runtime/format-time.ts';
import { jsonOf } from './key-value-output.ts';

/**
 * One key as a line of JSON, for `entries`, `export` and `import`: `{key, token, tombstone, kind,
 * value, version, writeTime, expireTime}`. The key is spelled as on the command line, the value as
 * `get -o json` shows it. Only key, tombstone, kind, value, version and expireTime are read back:
 * the others follow from these.
 */

/** Writes an entry. */
export function formatEntryLine(entry: EntryAnswer): string {
  const { key, value, version, token, writeTimeMs, expireTimeMs } = entry;
  return JSON.stringify({
    key: formatKey(key),
    token,
    tombstone: value === undefined,
    ...(value && jsonOf(value)),
    version,
    ...(writeTimeMs !== undefined && { writeTime: formatTime(writeTimeMs) }),
    ...(expireTimeMs !== undefined && { expireTime: formatTime(expireTimeMs) }),
  });
}

/** Reads an entry; what is no whole entry gives a few words that say why. */
export function parseEntryLine(line: string): ImportedEntry | string {
  const fields = parseObject(line);
  if (fields === undefined) return 'it is no JSON object';
  const key = readKey(fields['key']);
  if (key === undefined) return 'it names no key';
  const { version } = fields;
  if (typeof version !== 'string' || !versionPattern.test(version)) return 'it has no version';
  const value = readValue(fields);
  if (typeof value === 'string') return value;
  const { expireTime } = fields;
  const expireTimeMs = typeof expireTime === 'string' ? parseTime(expireTime) : undefined;
  if (expireTime !== undefined && expireTimeMs === undefined) return 'its expireTime is no time';
  return { key, value, version, expireTimeMs };
}

type Fields = Readonly<Record<string, unknown>>;

const versionPattern = /^[0-9a-f]{16}-[A-Za-z0-9._-]{1,63}$/;

function parseObject(line: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function readKey(spelling: unknown) {
  try {
    return typeof spelling === 'string' ? parseKey(spelling) : undefined;
  } catch {
    return undefined;
  }
}

/** The value, `undefined` for a tombstone; damage must never turn one into the other. */
function readValue(fields: Fields): PlainValue | undefined | string {
  const { tombstone, kind, value, expireTime } = fields;
  if (tombstone === true) {
    const isBare = kind === undefined && value === undefined && expireTime === undefined;
    return isBare ? undefined : 'it is a tombstone with a value';
  }
  if (tombstone !== false || value === undefined) return 'it has neither a value nor a tombstone';
  if (kind === 'json') return { kind, json: value };
  if (typeof value !== 'string') return `its value is no ${String(kind)}`;
  if (kind === 'text') return { kind, text: value };
  if (kind !== 'bytes') return `it has the unknown kind ${String(kind)}`;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? { kind, bytes } : 'its value is no base64';
}
