/** A node's name and where it is reached. */
export interface NodeAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Formats where a node is reached, for people and for dialling: `host:port`, IPv6 in brackets. */
export function formatHostPort(address: { readonly host: string; readonly port: number }): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
