const atFirst = 512;

/** Where the values of a chunk lie, in it and in the input, and their numbers: in lists that grow with them. */
export class ChunkValues {
  count = 0;
  /** First byte in the chunk, and the byte behind the last. */
  starts = new Uint32Array(atFirst);
  ends = new Uint32Array(atFirst);
  /** Byte offset in the input. */
  offsets = new Float64Array(atFirst);
  numbers = new Float64Array(atFirst);

  add(start: number, end: number, offset: number, number: number): void {
    const i = this.count++;
    if (i === this.starts.length) {
      this.starts = enlarged(this.starts, new Uint32Array(i * 2));
      this.ends = enlarged(this.ends, new Uint32Array(i * 2));
      this.offsets = enlarged(this.offsets, new Float64Array(i * 2));
      this.numbers = enlarged(this.numbers, new Float64Array(i * 2));
    }
    this.starts[i] = start;
    this.ends[i] = end;
    this.offsets[i] = offset;
    this.numbers[i] = number;
  }

  /** Copies of the lists as they are; what comes next is of another chunk. */
  take(): Pick<ChunkValues, 'count' | 'starts' | 'ends' | 'offsets' | 'numbers'> {
    const { count, starts, ends, offsets, numbers } = this;
    this.count = 0;
    return {
      count,
      starts: starts.slice(0, count),
      ends: ends.slice(0, count),
      offsets: offsets.slice(0, count),
      numbers: numbers.slice(0, count),
    };
  }
}

function enlarged<A extends Uint32Array | Float64Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
