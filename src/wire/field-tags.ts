/** The tags of protobuf fields, by the way in which their values are written. */
export const varint = (field: number) => field << 3;
export const fixed64 = (field: number) => (field << 3) | 1;
export const bytes = (field: number) => (field << 3) | 2;
