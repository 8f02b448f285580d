import { crc32 } from 'node:zlib';
import type { Random } from './random.ts';

/** A valid PNG of random pixels; stored, not compressed, so that every zlib gives the same bytes. */
export function pngBytes(random: Random, width: number, height: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, no interlace
  const rows = Buffer.concat(Array.from({ length: height }, () => Buffer.from([0, ...random.bytes(width * 3)])));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', zlibStored(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A RIFF/WEBP container with random content: right to a type sniffer, not to a decoder. */
export function webpBytes(random: Random, length: number): Uint8Array {
  const even = length + (length % 2);
  const head = Buffer.from('RIFF\0\0\0\0WEBPVP8L\0\0\0\0', 'latin1');
  head.writeUInt32LE(12 + even, 4);
  head.writeUInt32LE(even, 16);
  return Buffer.concat([head, random.bytes(even)]);
}

/** A one-page PDF with one line of text. */
export function pdfBytes(line: string): Uint8Array {
  const stream = `BT /F1 12 Tf 72 720 Td (${line.replace(/[^\w .,-]/gu, '')}) Tj ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
  return Buffer.from(`${text}xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`, 'latin1');
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

/** One stored deflate block (at most 65,535 bytes) in a zlib wrapper. */
function zlibStored(data: Uint8Array): Buffer {
  if (data.length > 0xffff) throw new RangeError('a stored block holds at most 65535 bytes');
  const block = Buffer.alloc(7 + data.length + 4);
  block.set([0x78, 0x01, 1], 0);
  block.writeUInt16LE(data.length, 3);
  block.writeUInt16LE(~data.length & 0xffff, 5);
  block.set(data, 7);
  block.writeUInt32BE(adler32(data), 7 + data.length);
  return block;
}

function adler32(data: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of data) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return ((high << 16) | low) >>> 0;
}
