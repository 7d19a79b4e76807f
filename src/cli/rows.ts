import type { OutputForm } from './flags.ts';
import { formatTable } from './table.ts';
import { print } from './terminal.ts';

/** An answer in its three forms. */
export interface Rows {
  /** One JSON document, on one line. */
  readonly json: unknown;
  /** Lines for scripts, by default the rows with tabs between the columns. */
  readonly raw?: readonly string[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Prints an answer in the form that was asked for. */
export function printRows(form: OutputForm, { json, raw, head, rows }: Rows): void {
  switch (form) {
    case 'json':
      return print(JSON.stringify(json));
    case 'raw':
      for (const line of raw ?? rows.map((row) => row.join('\t'))) print(line);
      return;
    case 'table':
      return print(formatTable(head, rows));
  }
}
