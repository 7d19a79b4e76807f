/**
 * The total order of writes: a 64-bit hybrid logical clock, then the name of the node that made
 * it. Two nodes can never make the same version, and a node never makes one twice.
 *
 * Hybrid logical clocks: Kulkarni et al., "Logical Physical Clocks" (2014). The upper 48 bits are
 * milliseconds since 1970, the lower 16 a counter. Such a number does not fit a double, so it is a
 * bigint here, fixed64 on the wire, and opaque text for clients.
 */
export interface Version {
  readonly clock: bigint;
  readonly node: string;
}

const counterBits = 16n;
const clockDigits = 16;

/** The greatest hybrid clock that fits 64 bits. */
export const clockMax = (1n << 64n) - 1n;

/** The hybrid clock at the beginning of a millisecond. */
export function clockAtMs(realtimeMs: number): bigint {
  return BigInt(Math.floor(realtimeMs)) << counterBits;
}

/** The milliseconds since 1970 in a hybrid clock. */
export function clockToMs(clock: bigint): number {
  return Number(clock >> counterBits);
}

/** The greater of two hybrid clocks. */
export function laterClock(left: bigint, right: bigint): bigint {
  if (left < right) return right;
  return left;
}

/** Compares two versions; `undefined`, never written, is older than all. */
export function compareVersions(left: Version | undefined, right: Version | undefined): number {
  if (left === right) return 0;
  if (left === undefined) return -1;
  if (right === undefined) return 1;
  if (left.clock !== right.clock) return left.clock < right.clock ? -1 : 1;
  if (left.node === right.node) return 0;
  return left.node < right.node ? -1 : 1;
}

/** The newer of two versions. */
export function newerVersion(
  left: Version | undefined,
  right: Version | undefined,
): Version | undefined {
  return compareVersions(left, right) >= 0 ? left : right;
}

/**
 * The name in the versions of floors: no node can have it, and it is less than all that they have.
 * So a floor is older than every version with its clock that a node has made.
 */
const floorNode = '!';

/** The version with which a key that is absent below a floor is answered; none for the floor 0. */
export function floorVersion(clock: bigint): Version | undefined {
  return clock === 0n ? undefined : { clock, node: floorNode };
}

/** Whether a version is that of a floor: it says "absent" and was written by nobody. */
export function isFloorVersion(version: Version | undefined): boolean {
  return version?.node === floorNode;
}

/** Reads what {@link formatVersion} wrote; `undefined` if it is something else. */
export function parseVersion(text: string): Version | undefined {
  const [, clock, node] = /^([0-9a-f]{16})-([A-Za-z0-9._-]{1,63})$/.exec(text) ?? [];
  return clock === undefined || node === undefined
    ? undefined
    : { clock: BigInt(`0x${clock}`), node };
}

/** Formats a version so that a newer one compares greater as text; nothing for "never written". */
export function formatVersion(version: Version | undefined): string {
  if (version === undefined) return '';
  return `${version.clock.toString(16).padStart(clockDigits, '0')}-${version.node}`;
}
