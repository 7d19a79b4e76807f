/**
 * Messages as people type and read them: protobuf's JSON mapping, as grpcurl has it. protobufjs
 * takes anything (a text for a number becomes 0, an unknown word for an enum is dropped) and knows
 * no JSON form of Value, Timestamp and Duration, so a message is checked and turned field by
 * field, by its descriptor. Names may be `text_key` or `textKey`; answers have the second form.
 */
import type { PackageDefinition } from '@grpc/proto-loader';
import { QuorateError } from '../base/quorate-error.ts';
import { formatDurationForm, formatTimestampForm, parseDurationForm } from './json-times.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is read of a FieldDescriptorProto. */
interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
}

/** What is read of a DescriptorProto. */
interface Message {
  readonly field: readonly Field[];
  readonly enumType: readonly Enum[];
}

interface Enum {
  readonly name: string;
  readonly value: readonly { readonly name: string; readonly number: number }[];
}

/** Forms with a JSON mapping of their own. */
const wellKnown: Readonly<
  Record<
    string,
    {
      readonly to: (json: unknown, path: string) => unknown;
      readonly from: (form: Json) => unknown;
    }
  >
> = {
  'google.protobuf.Value': { to: (json) => valueToForm(json), from: valueFromForm },
  'google.protobuf.Duration': { to: parseDurationForm, from: formatDurationForm },
  'google.protobuf.Timestamp': {
    to: (_, path) => {
      throw refused(path, 'a time cannot be given here');
    },
    from: formatTimestampForm,
  },
};

export class JsonForm {
  readonly #definition: PackageDefinition;

  /** @param definition all messages, loaded with their field names kept. */
  constructor(definition: PackageDefinition) {
    this.#definition = definition;
  }

  /** The message of a JSON object. @throws QuorateError CONFIGURATION naming the field. */
  toMessage(type: string, json: unknown, path = 'the request'): unknown {
    const special = wellKnown[type];
    if (special !== undefined) return special.to(json, path);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw refused(path, 'write a JSON object such as {"key": 7}');
    }
    const { field: fields } = this.#message(type);
    const message: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(json)) {
      const field = fields.find((known) => known.name === name || camel(known.name) === name);
      if (field === undefined) {
        const known = fields.map((each) => each.name).join(', ');
        throw refused(path, `it has no field "${name}"; it has ${known || 'none'}`);
      }
      if (value !== null || field.typeName === 'google.protobuf.Value') {
        message[field.name] = this.#toField(type, field, value);
      }
    }
    return message;
  }

  /** The JSON of a message; fields that are not set are left out. */
  toJson(type: string, message: unknown): unknown {
    const special = wellKnown[type];
    if (special !== undefined) return special.from(message as Json);
    const json: Record<string, unknown> = {};
    for (const field of this.#message(type).field) {
      const value = (message as Json)[field.name];
      if (value === undefined) continue;
      json[camel(field.name)] = isRepeated(field)
        ? (value as readonly unknown[]).map((part) => this.#fromPart(type, field, part))
        : this.#fromPart(type, field, value);
    }
    return json;
  }

  #toField(type: string, field: Field, value: unknown): unknown {
    if (!isRepeated(field)) return this.#toPart(type, field, value);
    if (Array.isArray(value)) return value.map((part) => this.#toPart(type, field, part));
    throw refused(field.name, 'write a JSON array');
  }

  #toPart(type: string, field: Field, value: unknown): unknown {
    switch (field.type) {
      case 'TYPE_MESSAGE':
        return this.toMessage(this.#resolve(type, field.typeName), value, field.name);
      case 'TYPE_ENUM':
        return this.#toEnum(type, field, value);
      case 'TYPE_STRING':
        return check(field, value, 'text in quotes', typeof value === 'string');
      case 'TYPE_BOOL':
        return check(field, value, 'true or false', typeof value === 'boolean');
      case 'TYPE_BYTES':
        return check(field, value, 'bytes as base64 in quotes', isBase64(value));
      case 'TYPE_DOUBLE':
        return check(field, value, 'a number', typeof value === 'number');
      default:
        return check(field, value, 'a whole number from 0 on', isUnsigned(field.type, value));
    }
  }

  #fromPart(type: string, field: Field, value: unknown): unknown {
    return field.type === 'TYPE_MESSAGE'
      ? this.toJson(this.#resolve(type, field.typeName), value)
      : value;
  }

  #toEnum(type: string, field: Field, value: unknown): unknown {
    const known = this.#enum(type, field.typeName)?.value ?? [];
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    const words = known.map(({ name }) => name);
    return check(field, value, words.join(', '), words.includes(String(value)));
  }

  #message(type: string): Message {
    return this.#definition[type]?.['type'] as unknown as Message;
  }

  /** The full name of a message that is named within another, as in C++. */
  #resolve(within: string, typeName: string): string {
    return scopesOf(within, typeName).find((name) => name in this.#definition) ?? typeName;
  }

  #enum(within: string, typeName: string): Enum | undefined {
    for (const name of scopesOf(within, typeName)) {
      const dot = name.lastIndexOf('.');
      if (!(name.slice(0, dot) in this.#definition)) continue;
      const found = this.#message(name.slice(0, dot)).enumType.find(
        (each) => each.name === name.slice(dot + 1),
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** The names that a relative name may mean, the innermost first. */
function scopesOf(within: string, typeName: string): readonly string[] {
  const parts = within.split('.');
  return [...parts.keys(), parts.length]
    .map((length) => [...parts.slice(0, length), typeName].join('.'))
    .reverse();
}

function isRepeated(field: Field): boolean {
  return field.label === 'LABEL_REPEATED';
}

function isBase64(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}

function isUnsigned(type: string, value: unknown): boolean {
  const isWhole = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  const isText = typeof value === 'string' && /^\d{1,20}$/.test(value);
  return (isWhole || isText) && (type !== 'TYPE_UINT32' || Number(value) <= 0xffff_ffff);
}

function check(field: Field, value: unknown, wanted: string, isRight: boolean): unknown {
  if (isRight) return value;
  throw refused(field.name, `${JSON.stringify(value)} does not fit: write ${wanted}`);
}

function refused(path: string, sentence: string): QuorateError {
  return new QuorateError('CONFIGURATION', { field: path }, `${path}: ${sentence}`);
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function valueToForm(json: unknown): Json {
  if (json === null) return { null_value: 0 };
  if (typeof json === 'number') return { number_value: json };
  if (typeof json === 'string') return { string_value: json };
  if (typeof json === 'boolean') return { bool_value: json };
  if (Array.isArray(json)) return { list_value: { values: json.map(valueToForm) } };
  const fields = Object.entries(json as Json).map(([key, part]) => ({
    key,
    value: valueToForm(part),
  }));
  return { struct_value: { fields } };
}

interface MapEntry {
  readonly key?: string;
  readonly value?: Json;
}

function valueFromForm(form: Json): unknown {
  if ('struct_value' in form) {
    // Loaded from descriptors, a map is the list of its entries.
    const { fields = [] } = form['struct_value'] as { fields?: readonly MapEntry[] };
    return Object.fromEntries(
      fields.map(({ key = '', value = {} }) => [key, valueFromForm(value)]),
    );
  }
  if ('list_value' in form) {
    const { values = [] } = form['list_value'] as { values?: readonly Json[] };
    return values.map(valueFromForm);
  }
  return form['number_value'] ?? form['string_value'] ?? form['bool_value'] ?? null;
}
