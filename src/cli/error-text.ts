import type { QuorateError } from '../base/quorate-error.ts';

/** Errors for people, on stderr: what happened, the reason, and what to do next. */

/** The lines that tell of an error. */
export function describeError(error: QuorateError): readonly string[] {
  if (error.code === 'CONFIGURATION') return [`quorate: ${error.message}`];
  const facts = Object.entries(error.details)
    .filter(([name]) => name !== 'mayHaveApplied' && name !== 'missing')
    .map(([name, value]) => `${name}=${value}`)
    .filter((fact) => !error.message.includes(fact.slice(fact.indexOf('=') + 1)));
  const suffix = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
  return [`quorate: ${error.code}: ${error.message}${suffix}`, `quorate: ${nextStep(error)}`];
}

function nextStep(error: QuorateError): string {
  if (error.mayHaveApplied) {
    return 'the write may have been applied; read the key before you write again.';
  }
  if (error.code === 'CONNECTION_FAILED') {
    return 'is the node running there? `npm start` starts a cluster, -s names another node.';
  }
  if (error.retryable) return 'it was not done; the same command may succeed later.';
  return 'it was not done, and the same command will fail again.';
}
