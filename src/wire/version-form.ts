import type { Duration } from '../../generated/google/protobuf/duration.ts';
import type { Timestamp } from '../../generated/google/protobuf/timestamp.ts';
import { clockToMs, type Version } from '../record/version.ts';

/** The moment at which a version was made, by the clock of its coordinator. */
export function writeTimeToWire(version: Version | undefined): Timestamp | undefined {
  return version && splitMs(clockToMs(version.clock));
}

/** The timestamp of milliseconds since 1970. */
export function timestampToWire(ms: number | undefined): Timestamp | undefined {
  return ms === undefined ? undefined : splitMs(ms);
}

/** Milliseconds since 1970 of a timestamp. */
export function timestampToMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && joinMs(timestamp);
}

export function durationToWire(ms: number): Duration;
export function durationToWire(ms: number | undefined): Duration | undefined;
export function durationToWire(ms: number | undefined): Duration | undefined {
  return ms === undefined ? undefined : splitMs(ms);
}

export function durationToMs(duration: Duration | undefined): number | undefined {
  return duration && joinMs(duration);
}

function splitMs(ms: number): { seconds: bigint; nanos: number } {
  const whole = Math.floor(ms);
  return { seconds: BigInt(Math.floor(whole / 1_000)), nanos: (whole % 1_000) * 1_000_000 };
}

function joinMs({ seconds, nanos }: { seconds: bigint; nanos: number }): number {
  return Number(seconds) * 1_000 + nanos / 1_000_000;
}
