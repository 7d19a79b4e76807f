import { describeCall } from './call-lines.ts';
import { expiriesOf, expiryGraceMs, mayBeGone, mayBeThere } from './expiry.ts';
import type { Call } from './history.ts';

/**
 * No get, of whatever level, shows what nobody wrote.
 *
 * A text that is found was put, by a put that did not fail and that began before the get ended, and
 * has not expired. A version that is found belongs to one write only, and always shows the same:
 * its text; or that it is absent, if it is a floor, if a delete made it, or if its text expired.
 * An absence without a version says nothing here: it may be too old, which the order of versions
 * judges.
 *
 * @param calls all of one key.
 * @param judged those of them that are looked at.
 * @returns a sentence for each that is wrong.
 */
export function inventionsIn(calls: readonly Call[], judged: readonly Call[] = calls): string[] {
  const values = new Values(calls);
  return judged
    .filter(({ outcome }) => outcome === 'ok')
    .flatMap((call) =>
      values.problemsOf(call).map((problem) => `${describeCall(call)}: ${problem}`),
    );
}

class Values {
  readonly #puts = new Map<string, Call>();
  readonly #expiries: ReadonlyMap<string, number>;
  /** By version the write that was told to have made it. */
  readonly #writes = new Map<string, Call>();
  /** By version the text that was found under it or written as it. */
  readonly #texts = new Map<string, string>();
  readonly #versions = new Map<string, string>();
  /** When the first delete began whose version nobody was told. */
  readonly #untoldDeleteMs: number;

  constructor(calls: readonly Call[]) {
    this.#expiries = expiriesOf(calls);
    let untoldDeleteMs = Number.POSITIVE_INFINITY;
    for (const call of calls) {
      const { kind, outcome, text, version, startMs } = call;
      if (kind === 'put' && text !== undefined) this.#puts.set(text, call);
      const isUntold = outcome !== 'failed' && version === '';
      if (kind === 'delete' && isUntold) untoldDeleteMs = Math.min(untoldDeleteMs, startMs);
      if (outcome !== 'ok' || version === '') continue;
      if (kind !== 'get' && !this.#writes.has(version)) this.#writes.set(version, call);
      if (text === undefined) continue;
      if (!this.#texts.has(version)) this.#texts.set(version, text);
      if (!this.#versions.has(text)) this.#versions.set(text, version);
    }
    this.#untoldDeleteMs = untoldDeleteMs;
  }

  problemsOf(call: Call): string[] {
    const { kind, text } = call;
    if (kind !== 'get') return this.#problemsOfVersion(call);
    if (text === undefined) return this.#problemsOfAbsence(call);
    return [...this.#problemsOfText(call, text), ...this.#problemsOfVersion(call)];
  }

  #problemsOfText({ startMs, endMs = startMs, expireTimeMs }: Call, text: string): string[] {
    const put = this.#puts.get(text);
    if (put === undefined) return ['nobody wrote that'];
    if (put.outcome === 'failed') return ['its put failed'];
    const problems: string[] = [];
    if (put.startMs > endMs) problems.push('its put began later');
    const expiryMs = this.#expiries.get(text);
    if (!mayBeThere(expiryMs, startMs)) problems.push(`it expired at ${expiryMs}`);
    if (expireTimeMs !== undefined && expiryMs !== undefined) {
      const isOther = Math.abs(expireTimeMs - expiryMs) > expiryGraceMs;
      if (put.expireTimeMs === undefined) problems.push('its put gave it no time to expire');
      else if (isOther) problems.push(`another call says that it expires at ${expiryMs}`);
    }
    return problems;
  }

  #problemsOfVersion(call: Call): string[] {
    const { version, text, kind } = call;
    if (version === '') return [];
    if (isFloor(version)) return ['the version of a floor holds nothing'];
    const problems: string[] = [];
    const write = this.#writes.get(version);
    if (kind !== 'get' && write !== call) problems.push(`the version of ${describe(write)}`);
    const other = this.#texts.get(version);
    if (other !== undefined && other !== text) problems.push(`its version holds "${other}"`);
    else if (kind === 'get' && write?.kind === 'delete')
      problems.push('its version is of a delete');
    const first = text === undefined ? version : this.#versions.get(text);
    if (first !== version) problems.push(`its version was ${first} before`);
    return problems;
  }

  #problemsOfAbsence({ version, startMs, endMs = startMs }: Call): string[] {
    if (version === '' || isFloor(version)) return [];
    const text = this.#texts.get(version);
    if (text !== undefined) {
      const isGone = mayBeGone(this.#expiries.get(text), endMs);
      return isGone ? [] : [`its version holds "${text}"`];
    }
    const write = this.#writes.get(version);
    if (write !== undefined) return write.startMs > endMs ? ['its delete began later'] : [];
    const isExplained = this.#untoldDeleteMs <= endMs || this.#mayBeUntoldPut(endMs);
    return isExplained ? [] : ['nobody deleted it'];
  }

  /** Whether a put of which no version was told may have expired. */
  #mayBeUntoldPut(endMs: number): boolean {
    return [...this.#puts.values()].some(
      ({ text = '', startMs, outcome }) =>
        outcome !== 'failed' &&
        !this.#versions.has(text) &&
        startMs <= endMs &&
        mayBeGone(this.#expiries.get(text), endMs),
    );
  }
}

/** Whether a version is that of a floor. */
export function isFloor(version: string): boolean {
  return version.endsWith('-!');
}

function describe(call: Call | undefined): string {
  return call === undefined ? 'nobody' : describeCall(call);
}
