import { asBuffer, formatHex } from '../base/bytes.ts';
import type { ExplanationAnswer, GetAnswer, PlainValue, WriteAnswer } from '../client/answers.ts';
import { formatTime } from '../runtime/format-time.ts';
import { formatExplanation } from './explanation-output.ts';
import type { OutputForm } from './flags.ts';
import { visibleLines } from './shown-text.ts';
import { print, printBytes, say } from './terminal.ts';

/**
 * What get, put and delete print.
 *
 * `-o json` of get: `{key, found, kind, value, version, writeTime, expireTime}` with kind text,
 * json or bytes (then the value is base64), the last five only if they exist. Of put and delete: `{key, version,
 * writeTime}`. With `--explain` both also have `explanation`, as the client gives it.
 */

/** Prints the answer to a get. An absent key has no data; that is said on stderr. */
export function printGet(key: string, answer: GetAnswer, form: OutputForm): void {
  const { value, version, expireTimeMs, explanation } = answer;
  if (form === 'json') {
    print(
      JSON.stringify({
        key,
        found: value !== undefined,
        ...(value && jsonOf(value)),
        ...(version !== '' && { version }),
        ...writeTime(answer),
        ...(expireTimeMs !== undefined && { expireTime: formatTime(expireTimeMs) }),
        ...(explanation && { explanation }),
      }),
    );
    return;
  }
  if (value === undefined) say(`absent${whyAbsent(answer)}`);
  else if (form === 'raw') printBytes(rawOf(value));
  else print(process.stdout.isTTY ? visibleLines(textOf(value)) : textOf(value));
  if (explanation) sayExplanation(explanation, version);
}

/** Why a key has no value, to be put behind a word; nothing if it never had one. */
export function whyAbsent({
  version,
  expireTimeMs,
}: Pick<GetAnswer, 'version' | 'expireTimeMs'>): string {
  if (expireTimeMs !== undefined) return ` (expired at ${formatTime(expireTimeMs)})`;
  return version === '' ? '' : ` (deleted at ${version})`;
}

/** Prints the answer to a put or a delete. */
export function printWrite(
  what: 'put' | 'delete',
  key: string,
  answer: WriteAnswer,
  form: OutputForm,
): void {
  const { version, explanation } = answer;
  if (form === 'json') {
    print(
      JSON.stringify({ key, version, ...writeTime(answer), ...(explanation && { explanation }) }),
    );
    return;
  }
  print(form === 'raw' ? version : `${what === 'put' ? 'stored' : 'deleted'} at ${version}`);
  if (explanation) sayExplanation(explanation, version);
}

function writeTime({ writeTimeMs }: WriteAnswer) {
  return writeTimeMs === undefined ? {} : { writeTime: formatTime(writeTimeMs) };
}

/** A value for a JSON document. */
export function jsonOf(value: PlainValue) {
  switch (value.kind) {
    case 'text':
      return { kind: value.kind, value: value.text };
    case 'bytes':
      return { kind: value.kind, value: asBuffer(value.bytes).toString('base64') };
    case 'json':
      return { kind: value.kind, value: value.json };
  }
}

/** A value on a terminal: bytes in hexadecimal. */
export function textOf(value: PlainValue): string {
  switch (value.kind) {
    case 'text':
      return value.text;
    case 'bytes':
      return `hex:${formatHex(value.bytes)}`;
    case 'json':
      return JSON.stringify(value.json);
  }
}

function rawOf(value: PlainValue): Uint8Array {
  return value.kind === 'bytes' ? value.bytes : Buffer.from(textOf(value));
}

function sayExplanation(explanation: ExplanationAnswer, version: string): void {
  for (const text of formatExplanation(explanation, version)) say(text);
}
