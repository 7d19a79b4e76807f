/** Text of strangers on a terminal: it must not steer it, and one value must not fill it. */

/** How much of a value a table shows. */
const shownLengthMax = 60;

const shortForms: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/** Makes control characters visible, all on one line. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => shortForms[control] ?? codeOf(control));
}

/** Makes control characters visible, but leaves lines and tabs as they are. */
export function visibleLines(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, codeOf);
}

/** Cuts a long text and says how long it is. */
export function shorten(text: string): string {
  const characters = [...text];
  if (characters.length <= shownLengthMax) return text;
  return `${characters.slice(0, shownLengthMax).join('')}… (${characters.length} characters)`;
}

function codeOf(control: string): string {
  return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
