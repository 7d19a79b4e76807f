import { QuorateError } from '../base/quorate-error.ts';

/**
 * Settings from outside the command line: `QUORATE_*` of the environment, and a JSON file. The
 * command line comes first, then the environment, then the file; a name is the flag's without its
 * dashes, in the environment in capitals with underscores.
 */
export type Settings = Readonly<Record<string, string>>;

const prefix = 'QUORATE_';

/** The settings of an environment, by the name of their flag. Empty ones are as if unset. */
export function settingsOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const settings: Record<string, string> = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || text === undefined || text === '') continue;
    settings[name.slice(prefix.length).toLowerCase().replaceAll('_', '-')] = text;
  }
  return settings;
}

/**
 * The settings of a JSON file: an object with the names of flags.
 *
 * @throws QuorateError CONFIGURATION naming the file.
 */
export function parseSettings(text: string, path: string): Settings {
  const parsed = parseJson(text, path);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw refused(path, 'it must hold a JSON object, such as {"server": "127.0.0.1:9090"}');
  }
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === 'object') {
      throw refused(path, `"${name}" must be a text, a number, true or false`);
    }
    // The readers of flags take text, as the command line and the environment give it.
    settings[name] = String(value);
  }
  return settings;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error: unknown) {
    throw refused(path, `it is not JSON (${QuorateError.from(error).details['reason']})`);
  }
}

function refused(path: string, sentence: string): QuorateError {
  return new QuorateError('CONFIGURATION', { path }, `${path}: ${sentence}`);
}
