/** What the fake ZooKeeper uses of the records of node-zookeeper-client, which brings no types. */
declare module 'node-zookeeper-client/lib/jute/index.js' {
  /** A record: its fields are properties, by the names of the protocol. */
  interface JuteRecord {
    [field: string]: unknown;
    byteLength(): number;
    serialize(buffer: Buffer, offset: number): number;
    deserialize(buffer: Buffer, offset: number): number;
  }

  type RecordType = new (...fields: unknown[]) => JuteRecord;

  const jute: {
    readonly protocol: Readonly<Record<string, RecordType>>;
    readonly data: Readonly<Record<string, RecordType>>;
  };
  export = jute;
}
