/**
 * Disks that really fail, for tests with real files: a file system so small that it is soon full,
 * which takes the right to mount one, and calls of the system that fail, which takes a C compiler.
 * Where that is missing each says so, and the test is skipped with that sentence.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

/** Mounts 8 MiB at a path. @returns why not, if it could not. */
export function whyNotMounted(path: string): string | false {
  mkdirSync(path, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'quorate-test', path]);
  if (mounted.status === 0) return false;
  return 'NOT TESTED: a full disk needs the right to mount a tmpfs';
}

/** Ends a mount; what is still open there goes on. */
export function unmount(path: string): void {
  spawnSync('umount', ['--lazy', path]);
}

/** Fails the calls named by BAD_CALL_NAME while the file BAD_CALL_FLAG exists. */
const shimSource = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
static int bad(const char *call) {
  const char *flag = getenv("BAD_CALL_FLAG"), *name = getenv("BAD_CALL_NAME");
  if (!flag || !name || strcmp(name, call) || access(flag, F_OK)) return 0;
  errno = atoi(getenv("BAD_CALL_ERRNO"));
  return 1;
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
int fdatasync(int fd) { return bad("fdatasync") ? -1 : REAL(fdatasync)(fd); }
int fsync(int fd) { return bad("fdatasync") ? -1 : REAL(fsync)(fd); }
ssize_t pwrite64(int fd, const void *from, size_t size, off_t at) {
  return bad("pwrite") || (size < 512 && bad("meta")) ? -1 : REAL(pwrite64)(fd, from, size, at);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
  return bad("pwrite") || (size < 512 && bad("meta")) ? -1 : REAL(pwrite)(fd, from, size, at);
}
ssize_t pwritev(int fd, const struct iovec *from, int count, off_t at) {
  return bad("pwrite") ? -1 : REAL(pwritev)(fd, from, count, at);
}
`;

/** Compiles the shim to a path. @returns why not, if it could not. */
export function whyNoShim(path: string): string | false {
  const source = `${path}.c`;
  writeFileSync(source, shimSource);
  const compiled = spawnSync('gcc', ['-shared', '-fPIC', '-o', path, source, '-ldl']);
  if (process.platform === 'linux' && compiled.status === 0) return false;
  return 'NOT TESTED: failing calls of the system need Linux and gcc';
}

/** The environment of a process in which a call fails while the flag exists. */
export function failingCall(shim: string, flag: string, call: string, errno: number) {
  return {
    LD_PRELOAD: shim,
    BAD_CALL_FLAG: flag,
    BAD_CALL_NAME: call,
    BAD_CALL_ERRNO: String(errno),
  };
}

/** The numbers that a failing call gives as its reason. */
export const errnos = { EIO: 5, ENOSPC: 28 } as const;
